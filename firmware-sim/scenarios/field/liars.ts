import { betweenAt } from '../../random.ts';

const LIARS = 10;
/** Tells this use of the seed from others. */
const FIRST = 63;

/** Sites whose devices are all of one owner, who makes them tell what he likes. */
export function liarSites(seed: number, sites: number): ReadonlySet<number> {
  const count = Math.min(LIARS, sites);
  const first = Math.floor(betweenAt(0, sites - count, seed, FIRST, 8));
  return new Set(Array.from({ length: count }, (_, index) => first + index));
}
