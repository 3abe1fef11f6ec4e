/** The clock of a device, which can be set by what a server says. */
export class DeviceClock {
  readonly #systemNowMs: () => number;
  #offsetMs = 0;

  constructor(systemNowMs: () => number = Date.now) {
    this.#systemNowMs = systemNowMs;
  }

  /** How far the clock was set from the system's, whole microseconds. */
  get offsetUs(): number {
    return this.#offsetMs * 1000;
  }

  nowMs(): number {
    return this.#systemNowMs() + this.#offsetMs;
  }

  nowS(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  set(trueTimeMs: number): void {
    this.#offsetMs = Math.round(trueTimeMs - this.#systemNowMs());
  }
}
