import { noiseAt } from '../ground-motion/noise.ts';
import type { Scenario } from './scenario.ts';

/** Nothing happens: the noise of the sites. */
export function createCalm(seed: number): Scenario {
  return {
    name: 'calm',
    accelerationAt: (site, timeUs) => noiseAt(seed, site.index, timeUs),
    quakesUntil: () => [],
  };
}
