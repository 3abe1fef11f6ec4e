import { randomBytes } from 'node:crypto';
import { MAX_CONTENT_BYTES } from '../../contracts/http-signature.ts';
import { createApiKey } from '../../core/identity/api-key.ts';
import { createSigner } from '../envelope/create-signer.ts';
import type { Encoding } from '../envelope/encoding.ts';
import type { Envelope } from '../envelope/envelope.ts';
import { createDevice } from '../fleet/create-device.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { NonceCounter } from '../fleet/nonce-counter.ts';
import type { TelemetryPost } from '../transport/http-connection.ts';
import type { Forge } from './attack.ts';
import type { AttackKind } from './attack-kind.ts';
import { createGarbage } from './garbage.ts';
import { packNow } from './pack-now.ts';
import { ACCEPTED, BLOCKED, problem, type AttackOutcome } from './required-outcome.ts';

export interface ForgeParts {
  readonly device: FleetDevice;
  readonly encoding: Encoding;
  readonly nonces: NonceCounter;
  /** An envelope that the platform has acknowledged lately. */
  readonly captured: () => Envelope | undefined;
}

/** More than the longest time that an envelope can be allowed to wait at a gateway (7 days). */
const STALE_BY_S = 8 * 86_400;

/**
 * `blocked` is right only where failures count against the sender: not for what fails before anybody is named, nor for a
 * wrong clock, nor for replays and floods at the pace of these attackers.
 */
export function createForge(kind: AttackKind, parts: ForgeParts): Forge {
  const { device, encoding, nonces, captured } = parts;
  const signAs = (signing: FleetDevice, lateS = 0) => {
    const signer = createSigner(encoding, signing);
    return () => signer.sign(packNow(device.id), nowS() - lateS, nonces.take());
  };
  const always =
    (make: () => TelemetryPost | undefined, ...required: readonly AttackOutcome[]): Forge =>
    () => {
      const post = make();
      return post === undefined ? undefined : { post, required };
    };
  switch (kind) {
    case 'replay':
      return always(captured, problem('replay-detected'));
    case 'bad-signature':
      return always(signAs(withAnotherKey(device)), problem('signature-invalid'), BLOCKED);
    case 'stale':
      return always(signAs(device, STALE_BY_S), problem('timestamp-skew'));
    case 'unknown-key':
      return always(signAs(withUnknownApiKey(device)), problem('unauthorized'), BLOCKED);
    case 'flood':
      return always(signAs(device), ACCEPTED, problem('quota-exceeded'));
    case 'oversize':
      return always(() => announceTooMuch(signAs(device)()), problem('payload-too-large'));
    case 'garbage':
      return createGarbage(device, encoding, nonces);
  }
}

/** The names of the device's keys over a key that the registry does not know. */
function withAnotherKey(device: FleetDevice): FleetDevice {
  const { key } = createDevice(device);
  return { ...device, key: { id: device.key.id, private_key: key.private_key } };
}

function withUnknownApiKey(device: FleetDevice): FleetDevice {
  return { ...device, api_key: createApiKey(randomBytes).text };
}

function announceTooMuch({ headers }: Envelope): TelemetryPost {
  return { headers: { ...headers, 'Content-Length': String(MAX_CONTENT_BYTES + 1) }, content: 'withheld' };
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
