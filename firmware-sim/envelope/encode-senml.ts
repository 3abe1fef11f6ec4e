import type { Pack } from '../pack.ts';

/**
 * A SenML pack (RFC 8428) in JSON. The base time is the first reading's; seconds with six decimals survive the way
 * through a double, because the receiver rounds base and relative time to whole microseconds before it adds them.
 */
export function encodeSenml({ deviceId, unit, metrics, readings }: Pack): Uint8Array {
  const baseUs = readings[0]?.[1] ?? 0;
  const records = readings.map(([metricIndex, timeUs, value], index) => ({
    ...(index === 0 && { bn: `${deviceId}:`, bt: baseUs / 1e6, bu: unit }),
    n: metrics[metricIndex],
    v: value,
    ...(timeUs !== baseUs && { t: (timeUs - baseUs) / 1e6 }),
  }));
  return Buffer.from(JSON.stringify(records));
}
