import type { Position } from '../core/geo/position.ts';
import { isValueOf, positionPartOf, type PositionPart } from '../core/telemetry/position-record.ts';
import type { AdmittedPack } from './admitted-pack.ts';

/** Where a device says that it is. */
export interface ReportedPosition extends Position {
  /** Unix time in microseconds, by the device's clock. */
  readonly timeUs: number;
}

/**
 * The positions of a pack, in its order. A position is not a thing of its own in the log: it is what readings with the
 * units `lat` and `lon` say together, so that they stay readings, and the log keeps its form. What does not make a
 * position is passed over: packs were admitted before such readings were checked.
 */
export function positionsOf(
  pack: Pick<AdmittedPack, 'metrics' | 'units' | 'metric' | 'time_us' | 'value'>,
): readonly ReportedPosition[] {
  if (!pack.units.includes('lat')) return [];
  const parts = pack.metrics.map((metric, index) => positionPartOf(metric, pack.units[index]));
  const atTime = new Map<number, Partial<Record<PositionPart, number>>>();
  for (const [index, metric] of pack.metric.entries()) {
    const part = parts[metric];
    const timeUs = pack.time_us[index];
    const value = pack.value[index];
    if (part === undefined || timeUs === undefined || !isValueOf(part, value)) continue;
    const known = atTime.get(timeUs);
    if (known === undefined) atTime.set(timeUs, { [part]: value });
    else known[part] ??= value;
  }
  return [...atTime].flatMap(([timeUs, { lat, lon, altM }]) =>
    lat === undefined || lon === undefined ? [] : [{ timeUs, lat, lon, altM }],
  );
}
