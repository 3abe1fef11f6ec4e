import { createAccelerationPack, type Pack, type Sample } from '../pack.ts';

/** Of a device at rest. */
export function sampleNow(): Sample {
  return { timeUs: Date.now() * 1000, acceleration: [0, 0, 9.81] };
}

export function packNow(deviceId: string): Pack {
  return createAccelerationPack(deviceId, [sampleNow()]);
}
