import { createDevice } from '../../../firmware-sim/fleet/create-device.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';

export const BENCH_METRIC = 'acc_z';
export const BENCH_UNIT = 'm/s2';

export function createBenchFleet(devices: number): FleetDevice[] {
  return Array.from({ length: devices }, (_, index) =>
    createDevice({
      id: `bench-${String(index).padStart(4, '0')}`,
      site: `site-${index}`,
      owner: 'bench',
      lat: -90 + (index % 180),
      lon: -180 + (index % 360),
    }),
  );
}
