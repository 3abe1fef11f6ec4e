import type { Pack } from '../pack.ts';

type SenmlRecord = Readonly<Record<string, string | number>>;

/**
 * The records of a SenML pack (RFC 8428). The base time is the first reading's; seconds with six decimals survive the way
 * through a double, because the receiver rounds base and relative time to whole microseconds before it adds them.
 */
export function senmlRecordsOf({ deviceId, unit, metrics, readings }: Pack): readonly SenmlRecord[] {
  const baseUs = readings[0]?.[1] ?? 0;
  return readings.map(([metricIndex, timeUs, value], index) => ({
    ...(index === 0 && { bn: `${deviceId}:`, bt: baseUs / 1e6, bu: unit }),
    n: metrics[metricIndex] ?? '',
    v: value,
    ...(timeUs !== baseUs && { t: (timeUs - baseUs) / 1e6 }),
  }));
}

export function encodeSenml(pack: Pack): Uint8Array {
  return Buffer.from(JSON.stringify(senmlRecordsOf(pack)));
}
