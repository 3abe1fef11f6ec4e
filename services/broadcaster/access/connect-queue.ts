const TURN_MS = 20;

export interface ConnectQueueSettings {
  /** Connections let in a second. */
  readonly perS: number;
  /** As many wait as are let in within this time: a client that has waited in vain would be let in after it has gone. */
  readonly longestWaitS: number;
}

/** One that may have to wait. */
export interface Arrival {
  /** Whose turn it is goes by addresses. */
  readonly address: string;
  readonly proceed: () => void;
  /** There is no room, or no more room. */
  readonly refuse: () => void;
}

/**
 * Lets connections in at a steady rate: after a storm everybody's turn comes. The addresses take turns, and the arrivals of one
 * address come in their order. When there is no more room, the address that has most waiting gives way: whoever opens
 * connections by the thousand fills its own line and nobody else's.
 */
export class ConnectQueue {
  readonly #settings: ConnectQueueSettings;
  /** In the order of their turns; none is empty. */
  readonly #lines = new Map<string, Set<Arrival>>();
  #size = 0;
  #allowance: number;
  #countedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: ConnectQueueSettings) {
    this.#settings = settings;
    this.#allowance = settings.perS;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Calls one of the arrival's two, at once (then the answer is undefined) or later. The answer takes it out of the queue, and
   * tells whether it was still in it.
   */
  enter(arrival: Arrival): (() => boolean) | undefined {
    const { perS, longestWaitS } = this.#settings;
    this.#earn();
    if (this.#size === 0 && this.#allowance >= 1) {
      this.#allowance -= 1;
      arrival.proceed();
      return undefined;
    }
    if (this.#size >= perS * longestWaitS) {
      const displaced = this.#displacedBy(arrival);
      if (displaced === undefined) {
        arrival.refuse();
        return undefined;
      }
      this.#remove(displaced);
      displaced.refuse();
    }
    const line = this.#lines.get(arrival.address);
    if (line === undefined) this.#lines.set(arrival.address, new Set([arrival]));
    else line.add(arrival);
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#letIn(), TURN_MS);
    return () => this.#remove(arrival);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#lines.clear();
    this.#size = 0;
  }

  /** The last of the longest line; undefined when the arrival's own line would be as long. */
  #displacedBy({ address }: Arrival): Arrival | undefined {
    let longest: ReadonlySet<Arrival> = new Set();
    for (const line of this.#lines.values()) if (line.size > longest.size) longest = line;
    if ((this.#lines.get(address)?.size ?? 0) + 1 >= longest.size) return undefined;
    return [...longest].at(-1);
  }

  #remove(arrival: Arrival): boolean {
    const line = this.#lines.get(arrival.address);
    if (line?.delete(arrival) !== true) return false;
    if (line.size === 0) this.#lines.delete(arrival.address);
    this.#size -= 1;
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
    // A line that goes to the end comes again in the same loop.
    for (const [address, line] of this.#lines) {
      if (this.#allowance < 1) return;
      const [next] = line;
      if (next === undefined) continue;
      this.#allowance -= 1;
      this.#remove(next);
      if (line.size > 0) {
        this.#lines.delete(address);
        this.#lines.set(address, line);
      }
      next.proceed();
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
