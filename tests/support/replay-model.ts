/** What admit.lua must decide, in the simplest form: every nonce that was accepted, and the highest of them. */
export class ReplayModel {
  readonly #window: number;
  readonly #accepted = new Set<number>();
  #highest = -1;

  constructor(window: number) {
    this.#window = window;
  }

  /** -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  admit(nonce: number): 'accepted' | 'replay-detected' | 'nonce-too-old' {
    if (this.#highest >= 0 && nonce <= this.#highest - this.#window) return 'nonce-too-old';
    if (this.#accepted.has(nonce)) return 'replay-detected';
    this.#accepted.add(nonce);
    this.#highest = Math.max(this.#highest, nonce);
    return 'accepted';
  }
}
