import { uniformAt } from '../../random.ts';
import { STILL, type Disturbance } from './disturbance.ts';

const STRONGEST_MS2 = 3;
/** Powers of ten from the strongest jump to the weakest. */
const DECADES = 1.7;
/** It sticks this long, microseconds. */
const STUCK_US = 700_000;
const JUMPS = 0.1;

/** A loose contact: one sensor jumps away now and then, as far as it likes. */
export function createBrokenSensor(seed: number, index: number): Disturbance {
  return {
    accelerationAt: (site, timeUs) => {
      if (site.index !== index) return STILL;
      const moment = Math.floor(timeUs / STUCK_US);
      if (uniformAt(seed, index, moment, 1) >= JUMPS) return STILL;
      const jumpMs2 = STRONGEST_MS2 * 10 ** (-DECADES * uniformAt(seed, index, moment, 2));
      return uniformAt(seed, index, moment, 3) < 0.5 ? [jumpMs2, jumpMs2, -jumpMs2] : [-jumpMs2, 0, jumpMs2];
    },
  };
}
