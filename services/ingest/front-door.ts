import type { EnvelopeClaim } from '../../contracts/envelope-claim.ts';
import type { DeviceRecord } from '../../contracts/registry.ts';
import { MAX_METRICS_PER_DEVICE } from '../../core/telemetry/reading.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { AdmissionOutcome, AdmissionQueue } from './admit/admission-queue.ts';
import { claimedKey, decideClaim, type Freshness } from './identify/decide-claim.ts';
import type { Identities } from './identify/identities.ts';
import { allowanceOf, quotaExceeded } from './limit/limit-outcome.ts';
import type { RateLimiter } from './limit/rate-limiter.ts';
import type { Message } from './message.ts';
import { reducedCapacity, rejected, type Outcome, type Rejected } from './outcome.ts';
import type { Envelope, PackMetric } from './verify/envelope.ts';
import type { VerifyPool } from './verify/verify-pool.ts';

/** The registry may change again while a message is judged again; a device that is told to come back loses nothing. */
const MAX_JUDGEMENTS = 3;

export interface FrontDoorParts {
  readonly registry: { readonly version: number | undefined; advance(version: number): void; check(): Promise<void> };
  readonly identities: Identities;
  readonly limiter: RateLimiter;
  readonly pool: VerifyPool;
  readonly admissions: AdmissionQueue;
}

/** An outcome, or the registry has changed meanwhile in what devices may do. */
type Judgement = Outcome | { readonly staleBefore: number };

/** Decides what becomes of a message. The order of the steps is the precedence of the problem codes, cheap ones first. */
export class FrontDoor {
  readonly #parts: FrontDoorParts;
  readonly #freshness: Freshness;
  readonly #log: Logger;

  constructor(parts: FrontDoorParts, options: { readonly freshness: Freshness; readonly log: Logger }) {
    this.#parts = parts;
    this.#freshness = options.freshness;
    this.#log = options.log;
  }

  async handle(message: Message): Promise<Outcome> {
    const { registry } = this.#parts;
    for (let judgement = 0; judgement < MAX_JUDGEMENTS; judgement += 1) {
      if (registry.version === undefined) await registry.check();
      if (registry.version === undefined) return reducedCapacity('the registry is not projected yet');
      const outcome = await this.#judge(message, registry.version);
      if (!('staleBefore' in outcome)) return outcome;
      registry.advance(outcome.staleBefore);
    }
    return reducedCapacity('the registry keeps changing');
  }

  async #judge(message: Message, registryVersion: number): Promise<Judgement> {
    let device: DeviceRecord | undefined;
    try {
      device = await this.#parts.identities.find(message.sender, message.receivedMs);
    } catch (error) {
      return this.#unavailable(error, 'the registry cannot be read');
    }
    if (device === undefined) return rejected('unauthorized');

    // Blocks of addresses and of (address, device) pairs are decided here, before the claim is read.
    if (device.disabled) return rejected('device-disabled');
    const claim = message.readClaim();
    const origin = claim.ok ? claim.value : claim.error.origin;
    const refusal = origin === undefined ? undefined : decideClaim(device, origin, message, this.#freshness);
    if (refusal !== undefined) return refusal;
    return await this.#limit(message, device, async () => {
      if (!claim.ok) return rejected(claim.error.code, { detail: claim.error.detail });
      const envelope = envelopeOf(message, device, claim.value);
      if (envelope === undefined) return rejected('signature-invalid', { detail: 'keyid names no key of this device' });
      return await this.#prove(envelope, device, registryVersion);
    });
  }

  /** The last step before curve arithmetic. */
  async #limit(message: Message, device: DeviceRecord, proceed: () => Promise<Judgement>): Promise<Judgement> {
    const requester = { deviceId: device.id, deviceClass: device.class, address: message.source };
    const verdict = this.#parts.limiter.decide(requester, message.receivedMs * 1000);
    return verdict.allowed ? { ...(await proceed()), rateLimit: allowanceOf(verdict) } : quotaExceeded(verdict);
  }

  async #prove(envelope: Envelope, device: DeviceRecord, registryVersion: number): Promise<Judgement> {
    const verification = await this.#parts.pool.verify(envelope);
    if (verification === undefined) return reducedCapacity('too many messages wait to be verified');
    if (verification.kind === 'refused') return rejected(verification.code, verification.extras);
    const metrics = newMetricsOf(device, verification.metrics);
    if ('kind' in metrics) return metrics;
    try {
      const admission = await this.#parts.admissions.admit({
        registryVersion,
        deviceId: device.id,
        key: envelope.key,
        nonce: envelope.nonce,
        createdMs: envelope.createdUs / 1000,
        pack: verification.pack,
        ...(metrics.size > 0 && { metrics: { known: device.metrics, new: metrics } }),
      });
      return typeof admission === 'object' ? admission : outcomeOf(admission, verification.readings);
    } catch (error) {
      return this.#unavailable(error, 'the log cannot be written');
    }
  }

  #unavailable(error: unknown, detail: string): Outcome {
    this.#log.debug({ err: error }, detail);
    return reducedCapacity(detail);
  }
}

function envelopeOf(message: Message, device: DeviceRecord, claim: EnvelopeClaim): Envelope | undefined {
  const key = claimedKey(device, claim);
  if (key === undefined) return undefined;
  return {
    deviceId: claim.keyName.deviceId,
    key: key.thumbprint,
    publicKey: key.public_key,
    nonce: claim.nonce,
    createdUs: claim.createdS * 1e6,
    receivedUs: message.receivedMs * 1000,
    digestBase64: claim.digestBase64,
    mediaType: claim.mediaType,
    signature: claim.signature,
    signed: claim.signed,
    content: claim.content,
  };
}

/** Those that the registry does not have. A metric keeps the unit of its first reading. */
function newMetricsOf(device: DeviceRecord, metrics: readonly PackMetric[]): Map<string, string | null> | Rejected {
  const added = new Map<string, string | null>();
  for (const { name, unit } of metrics) {
    const known = device.metrics.get(name);
    if (known === undefined) added.set(name, unit);
    else if (known !== unit) {
      return unfit(`${name} is in ${known ?? 'no unit'} since its first reading and in ${unit ?? 'no unit'} here`);
    }
  }
  return added;
}

function unfit(detail: string): Rejected {
  return rejected('schema-invalid', { errors: [{ pointer: '', detail }] });
}

function outcomeOf(admission: Extract<AdmissionOutcome, string>, readings: number): Outcome {
  switch (admission) {
    case 'accepted':
      return { kind: 'accepted', readings };
    case 'replay-detected':
    case 'nonce-too-old':
      return rejected(admission);
    case 'unit-conflict':
      return unfit('a metric is in another unit since its first reading, a moment ago');
    case 'too-many-metrics':
      return unfit(`a device has at most ${MAX_METRICS_PER_DEVICE} metrics`);
    case 'no-log':
      return reducedCapacity('the log has not been begun; the worker does that when it starts');
  }
}
