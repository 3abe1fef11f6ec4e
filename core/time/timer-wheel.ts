/** Width of a slot, in microseconds. */
const SLOT_US = 100_000;
const SLOTS = 1024;

interface Timer {
  /** Unix microseconds. */
  readonly dueUs: number;
  /** That of its time, or of the moment when it was set too late. */
  readonly slot: Set<string>;
}

/**
 * Timers of many keys, one of each: a hashed timing wheel. To set one costs the same however many there are; one that is due in more
 * than a turn of the wheel (102 s) is passed over once in each turn.
 *
 *      slots   │  │  │▼ │  │  │  │      time goes on to the right, and around
 *                     │
 *                     ├─ dev-1, due in this turn
 *                     └─ dev-7, due in the third
 */
export class TimerWheel {
  readonly #slots: Set<string>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #timers = new Map<string, Timer>();
  /** Up to here all that was due has fired. */
  #nowUs = -Infinity;

  get size(): number {
    return this.#timers.size;
  }

  /** @param dueUs Unix microseconds; a timer in the past fires with the next advance */
  set(key: string, dueUs: number): void {
    this.delete(key);
    const slot = this.#slotOf(tickOf(Math.max(dueUs, this.#nowUs)));
    this.#timers.set(key, { dueUs, slot });
    slot.add(key);
  }

  /** Whether there is a timer that fires at this time or before. */
  isSetBefore(key: string, dueUs: number): boolean {
    return (this.#timers.get(key)?.dueUs ?? Infinity) <= dueUs;
  }

  delete(key: string): void {
    this.#timers.get(key)?.slot.delete(key);
    this.#timers.delete(key);
  }

  /**
   * Takes out those that are due before `nowUs`, in the order of their times; those of one time in that of their keys. Nothing
   * while time is behind what it was.
   */
  advance(nowUs: number): readonly string[] {
    if (nowUs < this.#nowUs) return [];
    const last = tickOf(nowUs);
    const first = Math.max(tickOf(this.#nowUs), last - SLOTS + 1);
    this.#nowUs = nowUs;
    const due: (readonly [string, number])[] = [];
    for (let tick = first; tick <= last; tick += 1) {
      for (const key of this.#slotOf(tick)) {
        const dueUs = this.#timers.get(key)?.dueUs ?? Infinity;
        if (dueUs < nowUs) due.push([key, dueUs]);
      }
    }
    for (const [key] of due) this.delete(key);
    return due.sort(([a, aUs], [b, bUs]) => aUs - bUs || (a < b ? -1 : 1)).map(([key]) => key);
  }

  #slotOf(tick: number): Set<string> {
    const slot = this.#slots[((tick % SLOTS) + SLOTS) % SLOTS];
    if (slot === undefined) throw new RangeError(`no slot for tick ${tick}`);
    return slot;
  }
}

function tickOf(timeUs: number): number {
  return Math.floor(timeUs / SLOT_US);
}
