import { createDevice } from '../../../firmware-sim/fleet/create-device.ts';
import { createAccelerationPack, type Pack } from '../../../firmware-sim/pack.ts';

export const device = createDevice({ id: 'dev-1', site: 's', owner: 'o', lat: 16.85, lon: -99.88 });

export function packAt(timeUs: number): Pack {
  return createAccelerationPack(device.id, [
    { timeUs, acceleration: [0.1, -0.25, 0.333] },
    { timeUs: timeUs + 32_000, acceleration: [0, 1e-7, 123456.789] },
  ]);
}
