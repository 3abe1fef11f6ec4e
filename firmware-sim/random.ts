/** A source of numbers in [0, 1). */
export type Random = () => number;

/** A whole number below 2^32 that depends on nothing but its arguments. */
export function hash32(...keys: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const key of keys) {
    state = mix(state ^ mix(key >>> 0));
    state = mix(state ^ Math.floor(key / 2 ** 32));
  }
  return state >>> 0;
}

/** In [0, 1), from the arguments alone. */
export function uniformAt(...keys: readonly number[]): number {
  return hash32(...keys) / 2 ** 32;
}

/** In [low, high), from the keys alone. */
export function betweenAt(low: number, high: number, ...keys: readonly number[]): number {
  return low + (high - low) * uniformAt(...keys);
}

/** Normally distributed, mean 0 and deviation 1 (Box-Muller), from the arguments alone. */
export function gaussianAt(...keys: readonly number[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(...keys, 1)));
  return radius * Math.cos(2 * Math.PI * uniformAt(...keys, 2));
}

/** The finaliser of MurmurHash3. */
function mix(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
