import type { Counter } from 'prom-client';
import type { Logger } from '../../platform/log/logger.ts';
import type { IngestMetrics } from './metrics.ts';
import type { HttpOutcome } from './outcome.ts';

/** What became of a message, for operators: counter, duration and log record together. */
export class OutcomeObserver {
  readonly #metrics: IngestMetrics;
  readonly #log: Logger;
  readonly #transport: 'http' | 'mqtt';
  /** Finding a counter by its labels costs more than counting. */
  readonly #counters = new Map<string, Counter.Internal>();

  constructor(transport: 'http' | 'mqtt', metrics: IngestMetrics, log: Logger) {
    this.#transport = transport;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** @param startedMs Unix milliseconds */
  decided(outcome: HttpOutcome, startedMs: number): void {
    const code = outcome.kind === 'rejected' ? outcome.code : outcome.kind;
    this.#counterOf(code).inc();
    this.#metrics.requestSeconds.observe((Date.now() - startedMs) / 1000);
    if (outcome.kind === 'accepted') this.#metrics.readings.inc(outcome.readings);
    if (outcome.kind === 'rejected') this.#log.debug({ transport: this.#transport, code }, 'rejected');
  }

  #counterOf(code: string): Counter.Internal {
    let counter = this.#counters.get(code);
    if (counter === undefined) {
      counter = this.#metrics.requests.labels(this.#transport, code);
      this.#counters.set(code, counter);
    }
    return counter;
  }

  /** A fault of ours: the sender is told to come back. */
  undecided(error: unknown): void {
    this.#log.error({ err: error, transport: this.#transport }, 'a message could not be decided');
  }
}
