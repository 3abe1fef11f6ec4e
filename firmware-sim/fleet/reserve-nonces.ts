import type { Fleet } from './fleet.ts';
import type { FleetDevice } from './fleet-device.ts';
import { NonceCounter } from './nonce-counter.ts';

/** A counter for each device, with the marks of all of them stored in one go. */
export function reserveNonces(
  fleet: Fleet,
  devices: readonly FleetDevice[],
  createdS: number,
): readonly NonceCounter[] {
  const counters = devices.map(
    ({ id, nonce_reserved }) =>
      new NonceCounter(createdS, nonce_reserved, (mark) => fleet.reserveNonces(new Map([[id, mark]]))),
  );
  const marks = counters.map((counter) => counter.wantedMark);
  fleet.reserveNonces(new Map(devices.map(({ id }, index) => [id, marks[index] ?? -1])));
  for (const [index, counter] of counters.entries()) counter.cover(marks[index] ?? -1);
  return counters;
}
