import { setTimeout as delay } from 'node:timers/promises';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2000;

/** Waits between attempts with full jitter: anything from nothing to a bound that doubles, up to two seconds. */
export class Backoff {
  #boundMs = FIRST_WAIT_MS;

  reset(): void {
    this.#boundMs = FIRST_WAIT_MS;
  }

  /** Returns early, without an error, when the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    const waitMs = Math.random() * this.#boundMs;
    this.#boundMs = Math.min(LONGEST_WAIT_MS, this.#boundMs * 2);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
