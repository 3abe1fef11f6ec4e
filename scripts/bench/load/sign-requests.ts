import { setImmediate as nextTurn } from 'node:timers/promises';
import { firstNonceAfterBoot } from '../../../core/identity/nonce.ts';
import { TELEMETRY_METHOD, TELEMETRY_PATH } from '../../../contracts/http-signature.ts';
import type { Envelope } from '../../../firmware-sim/envelope/envelope.ts';
import { HttpSignatureSigner } from '../../../firmware-sim/envelope/http-signature-signer.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { BENCH_METRIC, BENCH_UNIT } from './bench-fleet.ts';

export interface SigningOptions {
  readonly connections: number;
  /** Requests for each connection. */
  readonly requests: number;
  readonly host: string;
  readonly stop: AbortSignal;
  /** Of each pack; one when it is not said. */
  readonly readings?: number;
}

/** How far apart the readings of a device are, so that no two have the same time. */
const READING_SPACING_US = 1000;

interface Signing {
  readonly id: string;
  readonly signer: HttpSignatureSigner;
}

/**
 * Every request of a run, for each connection in the order of sending: a device has one connection, and its nonces
 * ascend.
 */
export async function signRequests(devices: readonly FleetDevice[], options: SigningOptions): Promise<Buffer[][]> {
  const signing = devices.map((device): Signing => ({ id: device.id, signer: new HttpSignatureSigner(device) }));
  const createdS = Math.floor(Date.now() / 1000);
  const byConnection: Buffer[][] = [];
  for (let connection = 0; connection < options.connections; connection += 1) {
    const own = signing.filter((_, index) => index % options.connections === connection);
    byConnection.push(signForConnection(own, createdS, options));
    await nextTurn();
    options.stop.throwIfAborted();
  }
  return byConnection;
}

function signForConnection(devices: readonly Signing[], createdS: number, options: SigningOptions): Buffer[] {
  const requests: Buffer[] = [];
  for (let round = 0; requests.length < options.requests; round += 1) {
    const count = options.readings ?? 1;
    const readings = Array.from({ length: count }, (_, index): readonly [number, number, number] => {
      const place = (round + 1) * count - index;
      const value = Math.round(9.80665e6 + Math.sin(place) * 1e4) / 1e6;
      return [0, createdS * 1e6 - place * READING_SPACING_US, value];
    });
    for (const { id, signer } of devices) {
      const pack = { deviceId: id, unit: BENCH_UNIT, metrics: [BENCH_METRIC], readings };
      requests.push(encodeRequest(signer.sign(pack, createdS, firstNonceAfterBoot(createdS) + round), options.host));
    }
  }
  return requests;
}

/** As it goes over the wire. */
export function encodeRequest({ headers, content }: Envelope, host: string): Buffer {
  const fields = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${TELEMETRY_METHOD} ${TELEMETRY_PATH} HTTP/1.1\r\n${fields.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), content]);
}
