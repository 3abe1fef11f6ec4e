import type { Counter, Histogram } from 'prom-client';
import type { Logger } from '../../platform/log/logger.ts';
import type { IngestMetrics } from './metrics.ts';
import type { HttpOutcome, Rejected } from './outcome.ts';

/** What became of a message, for operators: counter, duration and log record together. */
export class OutcomeObserver {
  readonly #metrics: IngestMetrics;
  readonly #log: Logger;
  readonly #transport: 'http' | 'mqtt';
  /** Finding a counter by its labels costs more than counting. */
  readonly #counters = new Map<string, Counter.Internal>();
  readonly #seconds: Histogram.Internal<'transport'>;

  constructor(transport: 'http' | 'mqtt', metrics: IngestMetrics, log: Logger) {
    this.#transport = transport;
    this.#metrics = metrics;
    this.#log = log;
    this.#seconds = metrics.requestSeconds.labels(transport);
  }

  /** @param startedMs Unix milliseconds */
  decided(outcome: HttpOutcome, startedMs: number): void {
    const code = outcome.kind === 'rejected' ? outcome.code : outcome.kind;
    this.#counterOf(code).inc();
    this.#seconds.observe((Date.now() - startedMs) / 1000);
    if (outcome.kind === 'accepted') this.#metrics.readings.inc(outcome.readings);
    if (outcome.kind === 'rejected') this.#refused(outcome);
  }

  #refused({ code, cause, rateLimit }: Rejected): void {
    const { rateLimited, reducedCapacity } = this.#metrics;
    if (code === 'quota-exceeded' && rateLimit !== undefined) rateLimited.inc({ policy: rateLimit.policy.name });
    if (cause !== undefined) reducedCapacity.inc({ cause });
    this.#log.debug({ transport: this.#transport, code, cause }, 'rejected');
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
