/** What a record adds to a position. */
export type PositionPart = 'lat' | 'lon' | 'altM';

/** SenML has a unit for latitude and one for longitude and none for altitude: that is a length, which this name tells apart from others. */
const ALTITUDE_METRIC = 'alt';

/** @param unit primary SenML unit */
export function positionPartOf(metric: string, unit: string | null | undefined): PositionPart | undefined {
  if (unit === 'lat' || unit === 'lon') return unit;
  return unit === 'm' && metric === ALTITUDE_METRIC ? 'altM' : undefined;
}

/** Degrees (WGS 84, RFC 8428 section 12.1) that are on the globe; any number of metres. */
export function isValueOf(part: PositionPart, value: unknown): value is number {
  if (typeof value !== 'number') return false;
  return part === 'altM' || Math.abs(value) <= (part === 'lat' ? 90 : 180);
}

/**
 * Finds the latitude and the longitude that belong together, which is said by their time (RFC 8428 section 5.1.3), whatever
 * their names are and wherever they stand in the pack.
 */
export class PositionPairs {
  readonly #atTime = new Map<number, { lat?: string; lon?: string }>();

  /** @param at where the record stands. False when there is another one of its kind at its time. */
  add(part: 'lat' | 'lon', timeUs: number, at: string): boolean {
    const pair = this.#atTime.get(timeUs) ?? {};
    if (pair[part] !== undefined) return false;
    pair[part] = at;
    this.#atTime.set(timeUs, pair);
    return true;
  }

  /** Those without their other half. */
  *alone(): Generator<{ readonly at: string; readonly missing: 'latitude' | 'longitude' }> {
    for (const { lat, lon } of this.#atTime.values()) {
      if (lat !== undefined && lon === undefined) yield { at: lat, missing: 'longitude' };
      if (lon !== undefined && lat === undefined) yield { at: lon, missing: 'latitude' };
    }
  }
}
