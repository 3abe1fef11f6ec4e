import type { LimitPolicy } from '../../../core/limits/gcra.ts';
import { Allowance } from './allowance.ts';

/** About 200 bytes each. Who is forgotten is known to Redis, and has a new allowance here until the next report. */
const MAX_KNOWN = 100_000;

/** Where an allowance is kept in Redis. */
export interface AllowancePlace {
  readonly key: string;
  /** What has the same number has the same hash tag. */
  readonly slot: number;
}

/** Allowances that are not whole, by whose they are. The name of the key is put together once. */
export class KnownAllowances {
  readonly #placeOf: (id: string) => AllowancePlace;
  readonly #known = new Map<string, Allowance>();

  constructor(placeOf: (id: string) => AllowancePlace) {
    this.#placeOf = placeOf;
  }

  get size(): number {
    return this.#known.size;
  }

  find(id: string, policies: readonly LimitPolicy[]): Allowance {
    const known = this.#known.get(id);
    if (known?.policies === policies) return known;
    if (this.#known.size >= MAX_KNOWN) this.#forgetOldest();
    const { key, slot } = this.#placeOf(id);
    const allowance = new Allowance(key, slot, policies);
    this.#known.set(id, allowance);
    return allowance;
  }

  /** @param isNeeded whether one is needed although it is whole */
  forgetWhole(nowUs: number, isNeeded: (allowance: Allowance) => boolean): void {
    for (const [id, allowance] of this.#known) {
      if (allowance.isWhole(nowUs) && !isNeeded(allowance)) this.#known.delete(id);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}
