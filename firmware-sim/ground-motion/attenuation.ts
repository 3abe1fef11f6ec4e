import { distanceM, type Position } from '../../core/geo/position.ts';
import type { Quake } from './quake.ts';

/** Distance to the hypocentre, along the straight line. */
export function hypocentralDistanceKm(site: Position, quake: Quake): number {
  return Math.hypot(distanceM(site, quake) / 1000, quake.depthKm);
}

/** Esteva (1970), for firm ground: 1230 e^(0.8 M) (R + 25)^-2 cm/s2. */
export function peakAccelerationMs2(magnitude: number, distanceKm: number): number {
  return (12.3 * Math.exp(0.8 * magnitude)) / (distanceKm + 25) ** 2;
}
