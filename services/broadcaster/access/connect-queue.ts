const TURN_MS = 20;

export interface ConnectQueueSettings {
  /** Connections let in a second. */
  readonly perS: number;
  /** Nobody waits longer: a client that has waited in vain would be let in after it has gone. */
  readonly longestWaitS: number;
}

/** Lets connections in at a steady rate, in the order in which they came: after a storm everybody's turn comes. */
export class ConnectQueue {
  readonly #settings: ConnectQueueSettings;
  readonly #waiting = new Set<() => void>();
  #allowance: number;
  #countedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: ConnectQueueSettings) {
    this.#settings = settings;
    this.#allowance = settings.perS;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Calls at once (`proceeds`), or when it is its turn: then the answer takes it out of the queue, and tells whether it was
   * still in it. `full` when there is no room.
   */
  enter(proceed: () => void): 'proceeds' | 'full' | (() => boolean) {
    const { perS, longestWaitS } = this.#settings;
    this.#earn();
    if (this.#waiting.size === 0 && this.#allowance >= 1) {
      this.#allowance -= 1;
      proceed();
      return 'proceeds';
    }
    if (this.#waiting.size >= perS * longestWaitS) return 'full';
    this.#waiting.add(proceed);
    this.#timer ??= setInterval(() => this.#letIn(), TURN_MS);
    return () => this.#waiting.delete(proceed);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#waiting.clear();
  }

  #earn(): void {
    const nowMs = performance.now();
    const { perS } = this.#settings;
    this.#allowance = Math.min(perS, this.#allowance + ((nowMs - this.#countedAtMs) / 1000) * perS);
    this.#countedAtMs = nowMs;
  }

  #letIn(): void {
    this.#earn();
    for (const proceed of this.#waiting) {
      if (this.#allowance < 1) return;
      this.#allowance -= 1;
      this.#waiting.delete(proceed);
      proceed();
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
