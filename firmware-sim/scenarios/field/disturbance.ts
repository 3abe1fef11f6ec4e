import type { Site } from '../../ground-motion/shaking.ts';
import type { Vector } from '../../pack.ts';
import { betweenAt } from '../../random.ts';

/** What moves a sensor beside the ground. */
export interface Disturbance {
  /** In m/s2. */
  accelerationAt(site: Site, timeUs: number): Vector;
}

export const STILL: Vector = [0, 0, 0];

export function sumOf(vectors: readonly Vector[]): Vector {
  let [x, y, z] = STILL;
  for (const vector of vectors) {
    x += vector[0];
    y += vector[1];
    z += vector[2];
  }
  return [x, y, z];
}

/** A burst that swells and dies away within about its length: 0 before it, 1 at a quarter of it. */
export function swell(elapsedS: number, lengthS: number): number {
  if (elapsedS <= 0) return 0;
  const rises = elapsedS / (lengthS / 4);
  return rises * Math.exp(1 - rises);
}

/** Swings of a frequency and a phase that the keys decide, along three axes. */
export function rumble(elapsedS: number, lowestHz: number, highestHz: number, ...keys: readonly number[]): Vector {
  const axis = (index: number): number => {
    const hertz = betweenAt(lowestHz, highestHz, ...keys, index, 1);
    return Math.sin(2 * Math.PI * (hertz * elapsedS + betweenAt(0, 1, ...keys, index, 2)));
  };
  return [axis(0), axis(1), axis(2)];
}

export function scaled([x, y, z]: Vector, factor: number): Vector {
  return [x * factor, y * factor, z * factor];
}
