import { betweenAt } from '../random.ts';
import type { Placement } from './create-device.ts';

/** Acapulco, on the coast where the recordings come from. */
const CENTRE = { lat: 16.85, lon: -99.88 } as const;
const HALF_SIDE_KM = 25;
const KM_PER_DEGREE = 111.2;
/** Tells this use of the seed from others. */
const PLACES = 3;

/**
 * Devices on a square of 50 km, each place decided by the seed and the device's number.
 *
 * @param liars of these numbers are devices of one owner, and other ones than those that stand there else
 */
export function placeScenarioFleet(
  deviceCount: number,
  seed: number,
  liars: ReadonlySet<number> = new Set(),
): readonly Placement[] {
  const kmPerDegreeLon = KM_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180);
  return Array.from({ length: deviceCount }, (_, index) => {
    const number = String(index + 1).padStart(4, '0');
    const offsetKm = (axis: number) => betweenAt(-HALF_SIDE_KM, HALF_SIDE_KM, seed, PLACES, index, axis);
    return {
      id: liars.has(index) ? `sim-liar-${number}` : `sim-${number}`,
      site: `sim-site-${number}`,
      owner: liars.has(index) ? 'sim-liar' : `sim-owner-${number}`,
      lat: roundDegrees(CENTRE.lat + offsetKm(0) / KM_PER_DEGREE),
      lon: roundDegrees(CENTRE.lon + offsetKm(1) / kmPerDegreeLon),
    };
  });
}

/** About 0.1 m. */
function roundDegrees(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
