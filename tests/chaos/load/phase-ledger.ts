import type { AcknowledgedAs, OutboxObserver } from '../../../firmware-sim/device/outbox-observer.ts';
import type { Pack } from '../../../firmware-sim/pack.ts';

export const TRANSPORTS = ['http', 'mqtt'] as const;
export type LedgerTransport = (typeof TRANSPORTS)[number];

/** A reading that was acknowledged. */
export interface LedgerReading {
  readonly device: string;
  readonly metric: string;
  /** Unix microseconds. */
  readonly timeUs: number;
  readonly value: number;
}

/** What devices were told since the last fault: every reading that was acknowledged, and when. */
export class PhaseLedger {
  readonly #audited: boolean;
  readonly #packs = new Map<string, number>();
  /** Since the start. */
  readonly #all = new Map<string, LedgerReading>();
  #readings = new Map<string, LedgerReading>();
  #contradictions: string[] = [];
  readonly #rejected = new Map<string, number>();
  readonly #lastMs = new Map<LedgerTransport, number>();
  readonly #longestMs = new Map<LedgerTransport, number>();

  constructor(audited: boolean) {
    this.#audited = audited;
  }

  /** Of each device, acknowledged since the start. */
  get packs(): ReadonlyMap<string, number> {
    return new Map(this.#packs);
  }

  begin(): void {
    this.#readings = new Map();
    this.#contradictions = [];
    this.#rejected.clear();
    for (const transport of TRANSPORTS) {
      this.#lastMs.set(transport, performance.now());
      this.#longestMs.set(transport, 0);
    }
  }

  /** Of all phases. */
  get all(): readonly LedgerReading[] {
    return [...this.#all.values()];
  }

  get readings(): readonly LedgerReading[] {
    return [...this.#readings.values()];
  }

  /** Refused for good, by code: the platform owes nothing for them. */
  get rejected(): ReadonlyMap<string, number> {
    return this.#rejected;
  }

  /** Two acknowledged readings of one key with different values: a defect of the load. */
  get contradictions(): readonly string[] {
    return this.#contradictions;
  }

  /** The longest time in which no device of a transport was acknowledged anything, the worse of the two. */
  get longestSilenceS(): number {
    for (const transport of TRANSPORTS) this.#noteGap(transport);
    return Math.max(...this.#longestMs.values()) / 1000;
  }

  observerFor(transport: LedgerTransport): OutboxObserver {
    const ignore = () => undefined;
    return {
      sending: ignore,
      answered: ignore,
      sentAgain: ignore,
      acknowledged: (pack, _nonce, as) => this.#acknowledged(transport, pack, as),
      rejected: (_pack, code) => this.#rejected.set(code, (this.#rejected.get(code) ?? 0) + 1),
      overflowed: () => this.#rejected.set('overflowed', (this.#rejected.get('overflowed') ?? 0) + 1),
    };
  }

  #acknowledged(transport: LedgerTransport, { deviceId: device, metrics, readings }: Pack, _as: AcknowledgedAs): void {
    this.#noteGap(transport);
    this.#packs.set(device, (this.#packs.get(device) ?? 0) + 1);
    if (!this.#audited) return;
    for (const [metricIndex, timeUs, value] of readings) {
      const metric = metrics[metricIndex] ?? '';
      const key = `${device}|${metric}|${timeUs}`;
      const known = this.#all.get(key);
      if (known !== undefined && known.value !== value) this.#contradictions.push(key);
      const reading = { device, metric, timeUs, value };
      this.#readings.set(key, reading);
      this.#all.set(key, reading);
    }
  }

  #noteGap(transport: LedgerTransport): void {
    const nowMs = performance.now();
    const gapMs = nowMs - (this.#lastMs.get(transport) ?? nowMs);
    this.#lastMs.set(transport, nowMs);
    this.#longestMs.set(transport, Math.max(gapMs, this.#longestMs.get(transport) ?? 0));
  }
}
