import { randomUUID } from 'node:crypto';
import { connect } from 'mqtt';

export type BrokerAnswer =
  | { readonly is: 'connected' }
  /** It answers, and does not let this login in. */
  | { readonly is: 'refused'; readonly why: string }
  | { readonly is: 'away'; readonly why: string };

/** CONNACK reason codes of MQTT 5 that are about who connects: bad user name or password, not authorized, banned. */
const REFUSALS = [0x86, 0x87, 0x8a];

/** Connects with a session of its own, which ends at once. */
export async function tryBroker(url: string, withinMs: number): Promise<BrokerAnswer> {
  const client = connect(url, {
    clientId: `_telltale-try-${randomUUID()}`,
    protocolVersion: 5,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: withinMs,
  });
  let why = 'the connection was closed';
  try {
    return await new Promise<BrokerAnswer>((resolve) => {
      const timer = setTimeout(() => resolve({ is: 'away', why: `no answer within ${withinMs / 1000} s` }), withinMs);
      timer.unref();
      client.once('connect', () => resolve({ is: 'connected' }));
      client.on('error', (error) => {
        why = error.message === '' && 'code' in error ? String(error.code) : error.message;
        if ('code' in error && REFUSALS.some((code) => code === error.code)) resolve({ is: 'refused', why });
      });
      client.once('close', () => resolve({ is: 'away', why }));
    });
  } finally {
    await client.endAsync(true);
  }
}
