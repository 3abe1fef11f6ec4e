import type { Vector } from '../pack.ts';
import { gaussianAt } from '../random.ts';

/** Of a cheap MEMS accelerometer in a quiet building, per axis. */
const NOISE_MS2 = 0.005;

/** @param deviationMs2 of each axis */
export function noiseAt(seed: number, siteIndex: number, timeUs: number, deviationMs2 = NOISE_MS2): Vector {
  const axis = (index: number) => deviationMs2 * gaussianAt(seed, siteIndex, index, timeUs);
  return [axis(0), axis(1), axis(2)];
}
