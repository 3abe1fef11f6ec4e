import type { Placement } from '../fleet/create-device.ts';
import type { PlannedAttacker } from './plan-attackers.ts';

/** Off the coast, away from the honest devices: their quakes are not about these. */
const PLACE = { lat: 15.5, lon: -101.5 } as const;

/** The devices that are reserved for attackers. An operator registers them like any other. */
export function placeAttackedFleet(attackers: readonly PlannedAttacker[]): readonly Placement[] {
  return attackers.map(({ deviceId }) => ({
    id: deviceId,
    site: `site-${deviceId}`,
    owner: `owner-${deviceId}`,
    ...PLACE,
  }));
}
