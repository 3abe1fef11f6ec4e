import { firstNonceAfterBoot } from '../../core/identity/nonce.ts';

/** How many nonces are marked as used ahead of their use: what a crash can skip, about a second's worth. */
const RESERVED_AHEAD = 2 ** 20;

/**
 * Nonces of one device key. Every nonce handed out lies at or below a mark that was stored before, so that neither a
 * crash nor a clock that goes back repeats one.
 */
export class NonceCounter {
  #next: number;
  #reserved: number;
  readonly #reserve: (mark: number) => void;

  /** `storedMark` is the highest nonce that may have been used; `reserve` stores a new mark. */
  constructor(createdS: number, storedMark: number, reserve: (mark: number) => void) {
    this.#next = firstNonceAfterBoot(createdS, storedMark);
    this.#reserved = storedMark;
    this.#reserve = reserve;
  }

  /** The mark that covers the nonces to come, to be stored for many devices at once. */
  get wantedMark(): number {
    return this.#next + RESERVED_AHEAD - 1;
  }

  /** The mark has been stored. */
  cover(mark: number): void {
    this.#reserved = mark;
  }

  take(): number {
    if (this.#next > this.#reserved) {
      const mark = this.wantedMark;
      this.#reserve(mark);
      this.#reserved = mark;
    }
    const nonce = this.#next;
    this.#next += 1;
    return nonce;
  }

  /** The server has seen far higher nonces of this key: go on as after a boot now. */
  skipAhead(createdS: number): void {
    this.#next = firstNonceAfterBoot(createdS, this.#next - 1);
  }
}
