import { betweenAt } from '../../random.ts';
import { rumble, scaled, STILL, swell, type Disturbance } from './disturbance.ts';

const TRUCK_MS2 = 0.05;
const PASSING_S = 8;
const TRUCKS = 41;

/** Trucks that pass one device each, at any time: shaking that no other device feels. */
export function createTraffic(
  seed: number,
  startUs: number,
  durationS: number,
  trucks: number,
  sites: number,
): Disturbance {
  const passing = Array.from({ length: trucks }, (_, number) => ({
    site: Math.floor(betweenAt(0, sites, seed, TRUCKS, number, 1)),
    atUs: startUs + betweenAt(0, durationS, seed, TRUCKS, number, 2) * 1e6,
    number,
  }));
  return {
    accelerationAt: (site, timeUs) => {
      const truck = passing.find(
        ({ site: index, atUs }) => index === site.index && timeUs >= atUs && timeUs < atUs + 3e7,
      );
      if (truck === undefined) return STILL;
      const elapsedS = (timeUs - truck.atUs) / 1e6;
      return scaled(rumble(elapsedS, 4, 12, seed, TRUCKS, truck.number), TRUCK_MS2 * swell(elapsedS, PASSING_S));
    },
  };
}
