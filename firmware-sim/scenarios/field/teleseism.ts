import { distanceM } from '../../../core/geo/position.ts';
import { betweenAt } from '../../random.ts';
import { rumble, scaled, STILL, sumOf, swell, type Disturbance } from './disturbance.ts';

interface Train {
  /** Along the ground, metres per second. */
  readonly speedMS: number;
  readonly afterS: number;
  readonly peakMs2: number;
  readonly lengthS: number;
  readonly lowestHz: number;
  readonly highestHz: number;
}

/** A weak and steep P wave, and long surface waves that are stronger and slow. */
const TRAINS: readonly Train[] = [
  { speedMS: 16_000, afterS: 0, peakMs2: 0.006, lengthS: 12, lowestHz: 0.6, highestHz: 1.2 },
  { speedMS: 3600, afterS: 6, peakMs2: 0.02, lengthS: 40, lowestHz: 0.04, highestHz: 0.09 },
];
const FAR_M = 2_000_000;

/** A great earthquake thousands of kilometres away: no danger here, and nothing to warn of. */
export function createTeleseism(seed: number, firstUs: number): Disturbance {
  const bearing = betweenAt(0, 2 * Math.PI, seed, 51);
  const far = { lat: 47 + (FAR_M / 111_195) * Math.cos(bearing), lon: 19 + (FAR_M / 75_800) * Math.sin(bearing) };
  return {
    accelerationAt: (site, timeUs) => {
      const behindM = distanceM(site.position, far) - FAR_M;
      const sinceS = (timeUs - firstUs) / 1e6;
      return sumOf(
        TRAINS.map(({ speedMS, afterS, peakMs2, lengthS, lowestHz, highestHz }, number) => {
          const elapsedS = sinceS - afterS - behindM / speedMS;
          if (elapsedS <= 0) return STILL;
          return scaled(rumble(elapsedS, lowestHz, highestHz, seed, 52, number), peakMs2 * swell(elapsedS, lengthS));
        }),
      );
    },
  };
}
