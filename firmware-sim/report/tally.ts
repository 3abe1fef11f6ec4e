import { build } from 'hdr-histogram-js';
import type { AcknowledgedAs, OutboxObserver } from '../device/outbox-observer.ts';
import type { Pack } from '../pack.ts';
import type { Delivery } from '../transport/transport.ts';
import type { Ledger } from './ledger.ts';

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What happened to the packs of a run. */
export class Tally implements OutboxObserver {
  packsSent = 0;
  packsAccepted = 0;
  packsAlreadyDelivered = 0;
  acceptedReadings = 0;
  rejectedReadings = 0;
  overflowedReadings = 0;
  answers = 0;
  /** Why the last envelope had no answer; undefined when it had one. */
  lastSilence: string | undefined;
  /** Readings. */
  readonly rejectedByCode = new Map<string, number>();
  packsRejected = 0;
  /** Envelopes that had to be sent or signed again. */
  readonly sentAgainByReason = new Map<string, number>();
  readonly #ledger: Ledger | undefined;
  readonly #latencyUs = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3 });

  constructor(ledger: Ledger | undefined) {
    this.#ledger = ledger;
  }

  /** A percentile is the upper edge of its bucket, which may lie above the largest value. */
  get latencyMs(): Latency {
    const { maxValue } = this.#latencyUs;
    const percentile = (percent: number) => Math.min(this.#latencyUs.getValueAtPercentile(percent), maxValue) / 1000;
    return { p50: percentile(50), p90: percentile(90), p99: percentile(99), max: maxValue / 1000 };
  }

  sending(): void {
    this.packsSent += 1;
  }

  answered(delivery: Delivery): void {
    this.lastSilence = delivery.kind === 'unanswered' ? delivery.detail : undefined;
    if (delivery.kind !== 'unanswered') this.answers += 1;
  }

  sentAgain(reason: string): void {
    addTo(this.sentAgainByReason, reason, 1);
  }

  acknowledged(pack: Pack, nonce: number, as: AcknowledgedAs, latencyMs: number): void {
    if (as === 'accepted') this.packsAccepted += 1;
    else this.packsAlreadyDelivered += 1;
    this.acceptedReadings += pack.readings.length;
    this.#latencyUs.recordValue(Math.round(latencyMs * 1000));
    this.#ledger?.note(pack, nonce, as);
  }

  rejected(pack: Pack, code: string): void {
    this.packsRejected += 1;
    this.rejectedReadings += pack.readings.length;
    addTo(this.rejectedByCode, code, pack.readings.length);
  }

  overflowed(pack: Pack): void {
    this.overflowedReadings += pack.readings.length;
  }
}

function addTo(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}
