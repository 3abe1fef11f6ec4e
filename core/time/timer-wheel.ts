/** Width of a slot, in microseconds. */
const SLOT_US = 100_000;
const SLOTS = 1024;

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
  /** Unix microseconds. */
  readonly #dueUs = new Map<string, number>();
  /** All slots before this one have been looked at. */
  #tick: number | undefined;

  get size(): number {
    return this.#dueUs.size;
  }

  /** @param dueUs Unix microseconds; a timer in the past fires with the next advance */
  set(key: string, dueUs: number): void {
    this.delete(key);
    const tick = Math.max(tickOf(dueUs), this.#tick ?? -Infinity);
    this.#dueUs.set(key, dueUs);
    this.#slotOf(tick).add(key);
  }

  /** Whether there is a timer that fires at this time or before. */
  isSetBefore(key: string, dueUs: number): boolean {
    return (this.#dueUs.get(key) ?? Infinity) <= dueUs;
  }

  delete(key: string): void {
    const dueUs = this.#dueUs.get(key);
    if (dueUs === undefined) return;
    this.#dueUs.delete(key);
    // It lies in the slot of its time, or in that of the moment when it was set too late.
    if (!this.#slotOf(tickOf(dueUs)).delete(key)) for (const slot of this.#slots) if (slot.delete(key)) break;
  }

  /** Takes out those that are due before `nowUs`, in the order of their times; those of one time in that of their keys. */
  advance(nowUs: number): readonly string[] {
    const last = tickOf(nowUs);
    const first = Math.max(this.#tick ?? -Infinity, last - SLOTS + 1);
    const due: (readonly [string, number])[] = [];
    for (let tick = first; tick <= last; tick += 1) {
      for (const key of this.#slotOf(tick)) {
        const dueUs = this.#dueUs.get(key) ?? Infinity;
        if (dueUs < nowUs) due.push([key, dueUs]);
      }
    }
    // Time that goes back must not lose what was set meanwhile.
    this.#tick = Math.max(last, this.#tick ?? -Infinity);
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
