const TURN_MS = 20;
/** Of the room: what one address may have waiting before others. Phones behind one address of their network are many. */
const SHARE_OF_ADDRESS = 1 / 16;

export interface ConnectQueueSettings {
  /** Connections let in a second. */
  readonly perS: number;
  /** Nobody waits longer: a client that has waited in vain would be let in after it has gone. */
  readonly longestWaitS: number;
}

/** One that may have to wait. */
export interface Arrival {
  readonly address: string;
  readonly proceed: () => void;
  /** There is no room, or it has waited too long. */
  readonly refuse: () => void;
}

interface Waiting extends Arrival {
  /** By the monotonic clock. */
  readonly sinceMs: number;
}

/**
 * Lets connections in at a steady rate, in the order in which they came: after a storm everybody's turn comes. Those of one
 * address beyond its share come after all others and give way to them, so that whoever opens connections by the thousand
 * keeps nobody else out.
 */
export class ConnectQueue {
  readonly #settings: ConnectQueueSettings;
  readonly #mostWaiting: number;
  readonly #share: number;
  readonly #ordinary = new Set<Waiting>();
  readonly #surplus = new Set<Waiting>();
  readonly #ofAddress = new Map<string, number>();
  #allowance: number;
  #countedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: ConnectQueueSettings) {
    this.#settings = settings;
    this.#mostWaiting = settings.perS * settings.longestWaitS;
    this.#share = Math.max(1, Math.floor(this.#mostWaiting * SHARE_OF_ADDRESS));
    this.#allowance = settings.perS;
  }

  get size(): number {
    return this.#ordinary.size + this.#surplus.size;
  }

  /**
   * Calls one of the arrival's two, at once (then the answer is undefined) or later. The answer takes it out of the queue, and
   * tells whether it was still in it.
   */
  enter(arrival: Arrival): (() => boolean) | undefined {
    this.#earn();
    if (this.size === 0 && this.#allowance >= 1) {
      this.#allowance -= 1;
      arrival.proceed();
      return undefined;
    }
    const count = this.#ofAddress.get(arrival.address) ?? 0;
    const line = count < this.#share ? this.#ordinary : this.#surplus;
    if (this.size >= this.#mostWaiting) {
      const [displaced] = line === this.#ordinary ? this.#surplus : [];
      if (displaced === undefined) {
        arrival.refuse();
        return undefined;
      }
      this.#remove(displaced);
      displaced.refuse();
    }
    const waiting = { ...arrival, sinceMs: performance.now() };
    line.add(waiting);
    this.#ofAddress.set(arrival.address, count + 1);
    this.#timer ??= setInterval(() => this.#letIn(), TURN_MS);
    return () => this.#remove(waiting);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ordinary.clear();
    this.#surplus.clear();
    this.#ofAddress.clear();
  }

  #remove(waiting: Waiting): boolean {
    if (!this.#ordinary.delete(waiting) && !this.#surplus.delete(waiting)) return false;
    const { address } = waiting;
    const count = this.#ofAddress.get(address) ?? 0;
    if (count <= 1) this.#ofAddress.delete(address);
    else this.#ofAddress.set(address, count - 1);
    return true;
  }

  #earn(): void {
    const nowMs = performance.now();
    const { perS } = this.#settings;
    this.#allowance = Math.min(perS, this.#allowance + ((nowMs - this.#countedAtMs) / 1000) * perS);
    this.#countedAtMs = nowMs;
  }

  #letIn(): void {
    this.#earn();
    const beganMs = performance.now() - this.#settings.longestWaitS * 1000;
    for (const line of [this.#ordinary, this.#surplus]) {
      for (const waiting of line) {
        if (waiting.sinceMs < beganMs) {
          this.#remove(waiting);
          waiting.refuse();
        } else {
          if (this.#allowance < 1) break;
          this.#allowance -= 1;
          this.#remove(waiting);
          waiting.proceed();
        }
      }
    }
    if (this.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
