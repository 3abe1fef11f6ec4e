import { CommandFailure } from '../process/failure.ts';
import { isPortFree } from '../process/free-port.ts';
import type { StackSettings } from './settings.ts';
import { startsBroker } from './starts-broker.ts';

const LOOPBACK = '127.0.0.1';

function listPorts(settings: StackSettings): { variable: keyof StackSettings; host: string }[] {
  return [
    { variable: 'TELLTALE_INGEST_PORT', host: settings.TELLTALE_INGEST_HOST },
    { variable: 'TELLTALE_BROADCASTER_PORT', host: settings.TELLTALE_BROADCASTER_HOST },
    { variable: 'TELLTALE_INGEST_ADMIN_PORT', host: LOOPBACK },
    { variable: 'TELLTALE_WORKER_ADMIN_PORT', host: LOOPBACK },
    { variable: 'TELLTALE_BROADCASTER_ADMIN_PORT', host: LOOPBACK },
    ...(settings.REDIS_URL === undefined ? [{ variable: 'TELLTALE_DEV_REDIS_PORT', host: LOOPBACK } as const] : []),
    ...(settings.DATABASE_URL === undefined
      ? [{ variable: 'TELLTALE_DEV_POSTGRES_PORT', host: LOOPBACK } as const]
      : []),
    ...(startsBroker(settings) ? [{ variable: 'TELLTALE_DEV_MQTT_PORT', host: LOOPBACK } as const] : []),
  ];
}

/** Before anything starts: uWebSockets would share a port with another process without a word. */
export async function requireFreePorts(settings: StackSettings): Promise<void> {
  for (const { variable, host } of listPorts(settings)) {
    const port = Number(settings[variable]);
    if (await isPortFree(host, port)) continue;
    throw new CommandFailure(
      `Port ${port} (${variable}) is in use: is another Telltale running? Stop it or set ${variable} to another port.`,
    );
  }
}
