import {
  parseSignatureClaim,
  parseStatedOrigin,
  signatureBase,
  type SignatureClaim,
} from '../../contracts/http-signature.ts';
import type { DeviceRecord } from '../../contracts/registry.ts';
import { MAX_METRICS_PER_DEVICE } from '../../core/telemetry/reading.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { ProjectionCache } from '../../platform/redis/projection-cache.ts';
import type { AdmissionOutcome, AdmissionQueue } from './admit/admission-queue.ts';
import { identify } from './identify/api-key-check.ts';
import { claimedKey, decideClaim, type Freshness } from './identify/decide-claim.ts';
import type { Identity } from './identify/identity.ts';
import { reducedCapacity, rejected, type Outcome, type Rejected } from './outcome.ts';
import type { Envelope, PackMetric } from './verify/envelope.ts';
import type { VerifyPool } from './verify/verify-pool.ts';

/** A message as it came in: framed and complete, nothing about it believed. */
export interface TelemetryRequest {
  readonly apiKey: string;
  readonly contentType: string;
  readonly signatureInput: string;
  readonly signature: string;
  readonly contentDigest: string;
  readonly content: Uint8Array;
  readonly receivedMs: number;
}

/** Decides what becomes of a message. The order of the steps is the precedence of the problem codes, cheap ones first. */
export class FrontDoor {
  readonly #identities: ProjectionCache<Identity>;
  readonly #pool: VerifyPool;
  readonly #admissions: AdmissionQueue;
  readonly #freshness: Freshness;
  readonly #log: Logger;

  constructor(
    identities: ProjectionCache<Identity>,
    pool: VerifyPool,
    admissions: AdmissionQueue,
    options: { readonly freshness: Freshness; readonly log: Logger },
  ) {
    this.#identities = identities;
    this.#pool = pool;
    this.#admissions = admissions;
    this.#freshness = options.freshness;
    this.#log = options.log;
  }

  async handle(request: TelemetryRequest): Promise<Outcome> {
    let identity: Identity | undefined;
    try {
      identity = await identify(request.apiKey, this.#identities, request.receivedMs);
    } catch (error) {
      return this.#unavailable(error, 'the registry cannot be read');
    }
    if (identity === undefined) return rejected('unauthorized');

    const { device } = identity;
    // Blocks of addresses and of (address, device) pairs are decided here, before the claim is read.
    const claim = parseSignatureClaim(request);
    const origin = claim.ok ? claim.value : parseStatedOrigin(request.signatureInput);
    const refusal = decideClaim(device, origin, request.receivedMs, this.#freshness);
    if (refusal !== undefined) return refusal;
    // Rate limits are decided here: the last step before curve arithmetic.
    if (!claim.ok) return rejected('signature-invalid', { detail: claim.error });
    const envelope = envelopeOf(request, device, claim.value);
    if (envelope === undefined) return rejected('signature-invalid', { detail: 'keyid names no key of this device' });
    return await this.#prove(envelope, device);
  }

  async #prove(envelope: Envelope, device: DeviceRecord): Promise<Outcome> {
    const verification = await this.#pool.verify(envelope);
    if (verification === undefined) return reducedCapacity('too many messages wait to be verified');
    if (verification.kind === 'refused') return rejected(verification.code, verification.extras);
    const unfit = decideMetrics(device, verification.metrics);
    if (unfit !== undefined) return unfit;
    try {
      const admission = await this.#admissions.admit(device.id, {
        key: envelope.key,
        nonce: envelope.nonce,
        createdMs: envelope.createdUs / 1000,
        pack: verification.pack,
      });
      return outcomeOf(admission, verification.readings);
    } catch (error) {
      return this.#unavailable(error, 'the log cannot be written');
    }
  }

  #unavailable(error: unknown, detail: string): Outcome {
    this.#log.debug({ err: error }, detail);
    return reducedCapacity(detail);
  }
}

function envelopeOf(request: TelemetryRequest, device: DeviceRecord, claim: SignatureClaim): Envelope | undefined {
  const key = claimedKey(device, claim);
  if (key === undefined) return undefined;
  return {
    deviceId: claim.keyName.deviceId,
    key: key.thumbprint,
    publicKey: key.public_key,
    signatureBase64: claim.signatureBase64,
    signatureBase: signatureBase(request.contentType, claim.contentDigest, claim.signatureParams),
    digestBase64: claim.digestBase64,
    nonce: claim.nonce,
    createdUs: claim.createdS * 1e6,
    receivedUs: request.receivedMs * 1000,
    content: request.content,
  };
}

/** A metric keeps the unit of its first reading, and a device has a bounded number of metrics. */
function decideMetrics(device: DeviceRecord, metrics: readonly PackMetric[]): Rejected | undefined {
  let unknown = 0;
  for (const { name, unit } of metrics) {
    const known = device.metrics.get(name);
    if (known === undefined) unknown += 1;
    else if (known !== unit) {
      const detail = `${name} is in ${known ?? 'no unit'} since its first reading and in ${unit ?? 'no unit'} here`;
      return rejected('schema-invalid', { errors: [{ pointer: '', detail }] });
    }
  }
  if (device.metrics.size + unknown <= MAX_METRICS_PER_DEVICE) return undefined;
  const detail = `a device has at most ${MAX_METRICS_PER_DEVICE} metrics`;
  return rejected('schema-invalid', { errors: [{ pointer: '', detail }] });
}

function outcomeOf(admission: AdmissionOutcome, readings: number): Outcome {
  switch (admission) {
    case 'accepted':
      return { kind: 'accepted', readings };
    case 'replay-detected':
    case 'nonce-too-old':
      return rejected(admission);
    case 'no-log':
      return reducedCapacity('the log has not been begun; the worker does that when it starts');
  }
}
