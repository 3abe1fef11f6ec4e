import { noiseAt } from '../ground-motion/noise.ts';
import { QuakeSchedule, type QuakeScheduleOptions } from '../ground-motion/quake-schedule.ts';
import { shakingAt } from '../ground-motion/shaking.ts';
import type { Scenario } from './scenario.ts';

/** One quake or many, above the noise of the sites. */
export function createQuakes(options: QuakeScheduleOptions): Scenario {
  const schedule = new QuakeSchedule(options);
  return {
    name: 'quake',
    accelerationAt: (site, timeUs) => {
      const [x, y, z] = noiseAt(options.seed, site.index, timeUs);
      const sum: [number, number, number] = [x, y, z];
      for (const quake of schedule.shakingAt(timeUs / 1000)) {
        const [qx, qy, qz] = shakingAt(site, quake, timeUs);
        sum[0] += qx;
        sum[1] += qy;
        sum[2] += qz;
      }
      return sum;
    },
    quakesUntil: (timeMs) => schedule.until(timeMs),
  };
}
