import { parseCoseEnvelope } from '../../../contracts/cose-envelope.ts';
import type { EnvelopeClaim, EnvelopeRefusal } from '../../../contracts/envelope-claim.ts';
import { MAX_CONTENT_BYTES } from '../../../contracts/http-signature.ts';
import { parseJwsEnvelope } from '../../../contracts/jws-envelope.ts';
import type { DeviceId } from '../../../core/identity/ids.ts';
import { reject, type Result } from '../../../core/result.ts';
import type { FrontDoor } from '../front-door.ts';
import type { OutcomeObserver } from '../outcome-observer.ts';
import { reducedCapacity, type Outcome } from '../outcome.ts';
import type { Decision } from './mqtt-intake.ts';

/** The first byte of a tagged COSE_Sign1; a JWS begins with a base64url character. */
const COSE_SIGN1_TAG = 0xd2;

/** Decides a message of a device's topic by the same front door as HTTP. */
export async function decideMqttMessage(
  frontDoor: FrontDoor,
  observer: OutcomeObserver,
  deviceId: DeviceId,
  payload: Uint8Array,
): Promise<Decision> {
  const receivedMs = Date.now();
  const claim = readEnvelope(payload);
  let outcome: Outcome;
  try {
    outcome = await frontDoor.handle({
      sender: { kind: 'topic', deviceId },
      source: undefined,
      mayBeHeld: true,
      receivedMs,
      readClaim: () => claim,
    });
  } catch (error) {
    observer.undecided(error);
    outcome = reducedCapacity('fault');
  }
  observer.decided(outcome, receivedMs);
  return { outcome, nonce: claim.ok ? claim.value.nonce : undefined };
}

/** The broker's limit on messages is not ours, so the size is checked again. */
function readEnvelope(payload: Uint8Array): Result<EnvelopeClaim, EnvelopeRefusal> {
  if (payload.length > MAX_CONTENT_BYTES) {
    return reject({ code: 'payload-too-large', detail: `at most ${MAX_CONTENT_BYTES} bytes` });
  }
  return payload[0] === COSE_SIGN1_TAG ? parseCoseEnvelope(payload) : parseJwsEnvelope(payload);
}
