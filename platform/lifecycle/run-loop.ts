import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log/logger.ts';
import type { LoopMetrics } from './loop-metrics.ts';
import { Backoff } from './retry.ts';

export interface LoopOptions {
  readonly name: string;
  readonly log: Logger;
  /** One pass. A fault is logged once per outage, waited for with jitter, and tried again. */
  readonly pass: (signal: AbortSignal) => Promise<void>;
  /** After a pass that went well; none when it is not given. */
  readonly pauseMs?: number | undefined;
  readonly metrics?: LoopMetrics;
}

/** Repeats a pass until it is stopped. A dependency that goes away and comes back never needs a restart of ours. */
export class RunLoop {
  readonly #options: LoopOptions;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    options.metrics?.watch(options.name, () => this.healthy);
  }

  get healthy(): boolean {
    return this.#running !== undefined && !this.#failing;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the pass that is under way has ended. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, name, pass, pauseMs, metrics } = this.#options;
    const { signal } = this.#abort;
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        const startedMs = performance.now();
        await pass(signal);
        metrics?.passSeconds.observe({ loop: name }, (performance.now() - startedMs) / 1000);
        if (this.#failing) log.info({ loop: name }, 'works again');
        this.#failing = false;
        backoff.reset();
        if (pauseMs !== undefined) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      } catch (error) {
        if (isAborted(signal)) return;
        if (!this.#failing) log.error({ err: error, loop: name }, 'failed, trying again');
        this.#failing = true;
        metrics?.failures.inc({ loop: name });
        await backoff.wait(signal);
      }
    }
  }
}

/** Read through a call: the compiler narrows `signal.aborted` to what it was before the await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
