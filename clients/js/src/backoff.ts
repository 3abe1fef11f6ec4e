const MOST_DOUBLINGS = 16;

/** Full jitter: a random time below a bound that doubles with each failure, so that clients do not come back together. */
export class Backoff {
  #minMs: number;
  #maxMs: number;
  #failures = 0;
  readonly #random: () => number;

  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** What the server asks for. */
  bound(minMs: number, maxMs: number): void {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const bound = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#failures, MOST_DOUBLINGS));
    this.#failures += 1;
    return this.#random() * bound;
  }

  /** The connection has been good for a while. */
  reset(): void {
    this.#failures = 0;
  }
}
