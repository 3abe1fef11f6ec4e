import type { Vector } from '../pack.ts';
import { gaussianAt } from '../random.ts';

/** Of a cheap MEMS accelerometer in a quiet building, per axis. */
const NOISE_MS2 = 0.005;

export function noiseAt(seed: number, siteIndex: number, timeUs: number): Vector {
  const axis = (index: number) => NOISE_MS2 * gaussianAt(seed, siteIndex, index, timeUs);
  return [axis(0), axis(1), axis(2)];
}
