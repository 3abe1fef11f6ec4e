import { POSITION, type NumericReading } from '../core/detection/reading-evaluation.ts';
import type { AdmittedPack } from './admitted-pack.ts';
import { positionsOf } from './pack-positions.ts';

type PackColumns = Pick<AdmittedPack, 'device' | 'metrics' | 'units' | 'metric' | 'time_us' | 'value'>;

/** The readings of a pack that rules can compare, in its order: numbers, and true and false as 1 and 0. */
export function numericReadingsOf(pack: PackColumns): readonly NumericReading[] {
  const readings: NumericReading[] = [];
  for (const [index, number] of pack.metric.entries()) {
    const timeUs = pack.time_us[index];
    const value = pack.value[index];
    const metric = pack.metrics[number];
    if (timeUs === undefined || metric === undefined) continue;
    if (typeof value !== 'number' && typeof value !== 'boolean') continue;
    readings.push({ device: pack.device, metric, timeUs, value: Number(value) });
  }
  return readings;
}

/** The positions of a pack, for rules that look at those. */
export function positionReadingsOf(pack: PackColumns): readonly NumericReading[] {
  return positionsOf(pack).map(({ timeUs, lat, lon }) => ({
    device: pack.device,
    metric: POSITION,
    timeUs,
    value: 0,
    position: { lat, lon },
  }));
}
