import { compareCursors, type Cursor } from '../../../contracts/cursor.ts';
import type { AlertEntry } from './alert-entry.ts';

export interface WindowLimits {
  readonly count: number;
  readonly ageMs: number;
}

/** How many outdated entries lie before the others until they are cut off. */
const CUT_AT = 1024;

/** The newest entries of the stream, in memory: whoever comes back is told what was missed from here, and waits for nobody. */
export class AlertWindow {
  readonly epoch: string;
  readonly #limits: WindowLimits;
  /** From `#first` on. */
  #entries: AlertEntry[] = [];
  #first = 0;
  #floor: Cursor;
  #end: Cursor;

  /** @param floor from here on everything is known @param end the last cursor that there ever was */
  constructor(epoch: string, limits: WindowLimits, floor: Cursor, end: Cursor) {
    this.epoch = epoch;
    this.#limits = limits;
    this.#floor = floor;
    this.#end = end;
  }

  /** Whoever has everything up to here can be told all that came after. */
  get floor(): Cursor {
    return this.#floor;
  }

  /** Everything up to here has been told. */
  get end(): Cursor {
    return this.#end;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  append(entry: AlertEntry): void {
    this.#entries.push(entry);
    this.#end = entry.at;
    this.#entries.at(-1 - CUT_AT)?.forgetMessages();
    while (this.size > this.#limits.count) this.#dropFirst();
  }

  /** Of an entry that nobody can read. */
  passOver(at: Cursor): void {
    this.#end = at;
  }

  dropOlderThan(nowMs: number): void {
    const oldestMs = nowMs - this.#limits.ageMs;
    while ((this.#entries[this.#first]?.at.ms ?? Infinity) < oldestMs) this.#dropFirst();
  }

  /** The first entry behind the cursor. */
  after(cursor: Cursor): AlertEntry | undefined {
    let [low, high] = [this.#first, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && compareCursors(entry.at, cursor) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low];
  }

  #dropFirst(): void {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return;
    this.#floor = entry.at;
    this.#first += 1;
    if (this.#first < CUT_AT) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
