import type { Quake } from '../ground-motion/quake.ts';
import type { Site } from '../ground-motion/shaking.ts';
import type { Vector } from '../pack.ts';

/** What the ground does at each site and time, the same for the same seed. */
export interface Scenario {
  readonly name: string;
  accelerationAt(site: Site, timeUs: number): Vector;
  quakesUntil(timeMs: number): readonly Quake[];
}
