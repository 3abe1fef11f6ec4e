import { hash as sha256 } from 'node:crypto';
import { keyRequestSchema, type KeyRequest } from '../../../contracts/enrolment.ts';
import { KEYS_PATH, parseSignedRequest, type SignedRequestClaim } from '../../../contracts/http-signature.ts';
import { keyChallenge } from '../../../contracts/possession.ts';
import type { DeviceKeyRecord, DeviceRecord } from '../../../contracts/registry.ts';
import { hasFuture, MAX_ACTIVE_KEYS } from '../../../core/identity/key-validity.ts';
import type { SignatureVerifier } from '../../../platform/crypto/signature-verifier.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { AdmissionOutcome, AdmissionQueue } from '../admit/admission-queue.ts';
import type { Gate, Stale } from '../gate.ts';
import type { RequestHeaders } from '../http/read-headers.ts';
import type { Arrival } from '../http/resource.ts';
import { claimedKey } from '../identify/decide-claim.ts';
import { reducedCapacity, rejected, type HttpOutcome, type Rejected } from '../outcome.ts';
import { parseNewKey, type NewKey } from './new-key.ts';
import { parseRequestBody } from './parse-request-body.ts';
import type { RegistryRequests } from './registry-requests.ts';

export interface KeyDeskParts {
  readonly gate: Gate;
  readonly verifier: SignatureVerifier;
  readonly admissions: AdmissionQueue;
  readonly requests: RegistryRequests;
}

/** A request that is proved by the old key, before anything of the new one is. */
interface Vouched {
  readonly claim: SignedRequestClaim;
  readonly device: DeviceRecord;
  readonly signer: DeviceKeyRecord;
  readonly registryVersion: number;
  readonly receivedMs: number;
}

/**
 * Takes a new key of a device on the word of an old one: the request passes the same gate and the same replay window as a
 * pack. The order of the steps is the precedence of the problem codes.
 */
export class KeyDesk {
  readonly #parts: KeyDeskParts;
  readonly #log: Logger;

  constructor(parts: KeyDeskParts, log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  async handle(headers: RequestHeaders, { source, receivedMs }: Arrival, content: Uint8Array): Promise<HttpOutcome> {
    const message = {
      sender: { kind: 'api-key', text: headers.apiKey },
      source,
      mayBeHeld: false,
      receivedMs,
      readClaim: () => parseSignedRequest(headers, KEYS_PATH),
    } as const;
    return await this.#parts.gate.pass<SignedRequestClaim, HttpOutcome>(
      message,
      async (claim, device, registryVersion) => {
        const signer = claimedKey(device, claim);
        if (signer === undefined) return refuse('keyid names no key of this device');
        const unproved = this.#decideProof(claim, signer, content);
        if (unproved !== undefined) return unproved;
        return await this.#decide({ claim, device, signer, registryVersion, receivedMs }, content);
      },
    );
  }

  #decideProof(claim: SignedRequestClaim, signer: DeviceKeyRecord, content: Uint8Array): Rejected | undefined {
    if (sha256('sha256', content, 'base64') !== claim.digestBase64) {
      return refuse('Content-Digest is not that of the content');
    }
    const { verifier } = this.#parts;
    const matches = verifier.verify(signer.public_key, claim.signed, claim.signature);
    return matches ? undefined : refuse('the signature does not match');
  }

  async #decide(vouched: Vouched, content: Uint8Array): Promise<HttpOutcome | Stale> {
    const { claim, device, receivedMs } = vouched;
    const body = parseRequestBody(content, keyRequestSchema);
    if (!body.ok) return body.error;
    const request = body.value;
    const unfit = decideLimits(request, receivedMs);
    if (unfit !== undefined) return unfit;
    const key = parseNewKey(request.public_key);
    if (!key.ok) return key.error;
    const challenge = keyChallenge({
      deviceId: claim.keyName.deviceId,
      keyId: request.key_id,
      publicKey: key.value.publicKey,
      notBeforeS: request.not_before,
      notAfterS: request.not_after,
      createdS: claim.createdS,
      nonce: claim.nonce,
    });
    const proof = Buffer.from(request.signature, 'base64url');
    if (!this.#parts.verifier.verify(key.value.publicKey, Buffer.from(challenge), proof)) {
      return refuse('the signature in the content does not prove that the device holds the new key');
    }
    return decideKeys(device, request, key.value, receivedMs) ?? (await this.#submit(vouched, request, key.value));
  }

  /**
   * The nonce is used up before the request is passed on: what fails in between is refused as a replay afterwards, and the
   * device signs anew; the other way round a captured request could be passed on twice.
   */
  async #submit(vouched: Vouched, request: KeyRequest, key: NewKey): Promise<HttpOutcome | Stale> {
    const { claim, signer, registryVersion, receivedMs } = vouched;
    const { deviceId, keyId } = claim.keyName;
    try {
      const admission = await this.#parts.admissions.admit({
        registryVersion,
        deviceId,
        key: signer.thumbprint,
        nonce: claim.nonce,
        createdMs: claim.createdS * 1000,
        pack: '',
        metrics: undefined,
      });
      if (typeof admission === 'object') return admission;
      const refusal = refusalOf(admission);
      if (refusal !== undefined) return refusal;
    } catch (error) {
      this.#log.debug({ err: error }, 'the log cannot be written');
      return reducedCapacity('log-unwritable');
    }
    return await this.#parts.requests.submit(
      {
        kind: 'key',
        received_ms: receivedMs,
        device: deviceId,
        signed_by: keyId,
        key: { id: request.key_id, public_key: key.publicKey, thumbprint: key.thumbprint },
        not_before_ms: millisecondsOf(request.not_before),
        not_after_ms: millisecondsOf(request.not_after),
      },
      {},
    );
  }
}

function refusalOf(admission: Extract<AdmissionOutcome, string>): Rejected | undefined {
  switch (admission) {
    case 'accepted':
      return undefined;
    case 'replay-detected':
    case 'nonce-too-old':
      return rejected(admission);
    case 'no-log':
      return reducedCapacity('no-log');
    case 'unit-conflict':
    case 'too-many-metrics':
    case 'backlog-full':
      throw new Error('an empty pack has no metrics and leaves nothing in the log');
  }
}

function refuse(detail: string): Rejected {
  return rejected('signature-invalid', { detail });
}

function millisecondsOf(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

function decideLimits(request: KeyRequest, nowMs: number): Rejected | undefined {
  const { not_before: notBeforeS, not_after: notAfterS } = request;
  if (notAfterS === null || (notAfterS * 1000 > nowMs && notAfterS > (notBeforeS ?? 0))) return undefined;
  const detail = 'must lie in the future and after not_before';
  return rejected('schema-invalid', { errors: [{ pointer: '/not_after', detail }] });
}

/** By what is projected; the worker decides again, for keys that are on their way. */
function decideKeys(device: DeviceRecord, request: KeyRequest, key: NewKey, nowMs: number): Rejected | undefined {
  const keys = [...device.keys.values()];
  if (device.keys.has(request.key_id) || keys.some(({ thumbprint }) => thumbprint === key.thumbprint)) {
    return rejected('key-exists');
  }
  const active = keys.filter((known) => hasFuture(known, nowMs));
  return active.length < MAX_ACTIVE_KEYS ? undefined : rejected('too-many-keys');
}
