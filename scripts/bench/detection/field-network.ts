import type { Site } from '../../../firmware-sim/ground-motion/shaking.ts';
import { betweenAt } from '../../../firmware-sim/random.ts';

const SIDE_KM = 50;
const ACROSS = 8;
const DEVICES = 60;
const KM_PER_LAT = 111.2;
const SOUTH_WEST = { lat: 47, lon: 19 };

/** Sixty devices over 50 x 50 km, about seven kilometres apart. */
export function fieldSites(seed: number): readonly Site[] {
  const kmPerLon = KM_PER_LAT * Math.cos((SOUTH_WEST.lat * Math.PI) / 180);
  const step = SIDE_KM / (ACROSS - 1);
  return Array.from({ length: DEVICES }, (_, index) => {
    const northKm = Math.floor(index / ACROSS) * step + betweenAt(-0.3, 0.3, seed, 71, index) * step;
    const eastKm = (index % ACROSS) * step + betweenAt(-0.3, 0.3, seed, 72, index) * step;
    return {
      index,
      position: { lat: SOUTH_WEST.lat + northKm / KM_PER_LAT, lon: SOUTH_WEST.lon + eastKm / kmPerLon },
    };
  });
}
