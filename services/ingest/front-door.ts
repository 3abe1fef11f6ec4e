import type { EnvelopeClaim } from '../../contracts/envelope-claim.ts';
import type { DeviceRecord } from '../../contracts/registry.ts';
import { MAX_METRICS_PER_DEVICE } from '../../core/telemetry/reading.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { AdmissionOutcome, AdmissionQueue } from './admit/admission-queue.ts';
import type { Gate, Stale } from './gate.ts';
import { claimedKey } from './identify/decide-claim.ts';
import type { Message } from './message.ts';
import { reducedCapacity, rejected, type Outcome, type Rejected } from './outcome.ts';
import type { Envelope, PackMetric } from './verify/envelope.ts';
import type { VerifyPool } from './verify/verify-pool.ts';

export interface FrontDoorParts {
  readonly gate: Gate;
  readonly pool: VerifyPool;
  readonly admissions: AdmissionQueue;
}

/** Decides what becomes of a pack. The order of the steps is the precedence of the problem codes, cheap ones first. */
export class FrontDoor {
  readonly #parts: FrontDoorParts;
  readonly #log: Logger;

  constructor(parts: FrontDoorParts, log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  handle(message: Message): Promise<Outcome> {
    return this.#parts.gate.pass<EnvelopeClaim, Outcome>(message, (claim, device, registryVersion) =>
      this.#prove(message, claim, device, registryVersion),
    );
  }

  async #prove(
    message: Message,
    claim: EnvelopeClaim,
    device: DeviceRecord,
    registryVersion: number,
  ): Promise<Outcome | Stale> {
    const envelope = envelopeOf(message, device, claim);
    if (envelope === undefined) return rejected('signature-invalid', { detail: 'keyid names no key of this device' });
    const verification = await this.#parts.pool.verify(envelope);
    if (verification === undefined) return reducedCapacity('verify-queue-full');
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
        metrics: metrics.size > 0 ? { known: device.metrics, new: metrics } : undefined,
      });
      return typeof admission === 'object' ? admission : outcomeOf(admission, verification.readings);
    } catch (error) {
      this.#log.debug({ err: error }, 'the log cannot be written');
      return reducedCapacity('log-unwritable');
    }
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
    case 'backlog-full':
      return reducedCapacity('backlog-full');
    case 'no-log':
      return reducedCapacity('no-log');
  }
}
