const MOST = 20;
const PER_S = 2;

/** How much one client may say: a subscriber has little to say. */
export class MessageBudget {
  #left = MOST;
  #countedAtMs: number;

  constructor(nowMs: number) {
    this.#countedAtMs = nowMs;
  }

  /** Whether it may still say something that costs this much. */
  spend(cost: number, nowMs: number): boolean {
    this.#left = Math.min(MOST, this.#left + ((nowMs - this.#countedAtMs) / 1000) * PER_S);
    this.#countedAtMs = nowMs;
    this.#left -= cost;
    return this.#left >= 0;
  }
}
