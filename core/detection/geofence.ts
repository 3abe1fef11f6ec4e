/**
 * A geofence rule looks at the positions that a device reports: whether they are in a zone, or outside of it. See hysteresis.ts for
 * the state machine. A position that is not newer than the newest changes nothing.
 */
import { covers, type ZoneArea } from '../geo/zone-area.ts';
import { isNews, judgeMeasure, type HysteresisState } from './hysteresis.ts';
import { POSITION, type Evaluation, type NumericReading } from './reading-evaluation.ts';
import type { GeofenceRule } from './rule.ts';

export interface GeofenceState extends HysteresisState {
  readonly kind: 'geofence';
}

const NAMES = [POSITION];

/** @param area of the rule's zone; nothing is measured while it is not known */
export function evaluateGeofence(
  rule: GeofenceRule,
  before: GeofenceState,
  reading: NumericReading,
  area: ZoneArea | undefined,
): Evaluation<GeofenceState> {
  const { device, timeUs, position } = reading;
  if (area === undefined || position === undefined || !isNews(before, reading)) return { state: before };
  const isThere = covers(area, position) === (rule.when === 'inside');
  const measure = { metric: POSITION, timeUs, value: isThere ? 1 : 0 };
  const limits = { when: 'above', limit: 0.5, clear_limit: 0.5, ...holdingOf(rule) } as const;
  const state: GeofenceState = { kind: 'geofence', ...judgeMeasure(limits, before, measure, NAMES) };
  const readings = (): readonly NumericReading[] => [
    { device, metric: 'lat', timeUs, value: position.lat },
    { device, metric: 'lon', timeUs, value: position.lon },
  ];
  return { state, measured: { measure, names: NAMES, readings } };
}

function holdingOf({ duration_s, clear_after_s }: GeofenceRule): Pick<GeofenceRule, 'duration_s' | 'clear_after_s'> {
  return { duration_s, clear_after_s };
}
