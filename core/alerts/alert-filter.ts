import { z } from 'zod';
import { distanceM, wrapLongitude, type Position } from '../geo/position.ts';
import { capStatusSchema, severitySchema, type CapStatus, type Severity } from './alert.ts';

const MOST_ZONES = 50;
const MOST_FILTERS = 20;
const LONGEST_ZONE_ID = 64;

const RULE_KINDS = ['threshold', 'rate', 'deviation', 'absence', 'geofence', 'quorum'] as const;

const lat = z.number().min(-90).max(90);
const lon = z.number().min(-180).max(180);

/** What all of an alert has to be; a member that is left out asks for nothing, but for `status`, which is `Actual`. */
const alertFilterSchema = z
  .strictObject({
    /** In one of them. */
    zones: z.array(z.string().min(1).max(LONGEST_ZONE_ID)).min(1).max(MOST_ZONES).optional(),
    /** West, south, east, north (RFC 7946): degrees. West of 180 and east of -180 it goes across the antimeridian. */
    bbox: z
      .tuple([lon, lat, lon, lat])
      .refine(([, south, , north]) => south <= north, 'south must not be above north')
      .optional(),
    /** A circle, great-circle metres. */
    near: z.strictObject({ lat, lon, radius_m: z.number().positive().max(20_100_000) }).optional(),
    /** `Unknown` counts as the least. */
    min_severity: severitySchema.optional(),
    /** Of the rule. */
    kinds: z.array(z.enum(RULE_KINDS)).min(1).max(RULE_KINDS.length).optional(),
    /** Exercises and tests have to be asked for. */
    status: z.array(capStatusSchema).min(1).max(3).default(['Actual']),
  })
  .refine(({ bbox, near }) => bbox === undefined || near === undefined, 'a box or a circle, not both');
export type AlertFilter = z.infer<typeof alertFilterSchema>;

/** What a subscriber wants: whatever one of them lets through. */
export const alertFiltersSchema = z.array(alertFilterSchema).min(1).max(MOST_FILTERS);
export type AlertFilters = readonly AlertFilter[];

/** Everything that is actual. */
export const DEFAULT_FILTERS: AlertFilters = alertFiltersSchema.parse([{}]);

/** What of an alert is filtered by. */
export interface FilteredAlert {
  readonly severity: Severity;
  readonly status: CapStatus;
  readonly rule_kind: string;
  readonly position: Position | null;
  readonly zones: readonly string[];
}

/** The same text for filters that let the same through, as far as their members tell. */
export function canonicalText(filters: AlertFilters): string {
  const texts = filters.map((filter) => {
    const { zones, bbox, near, min_severity: severity, kinds, status } = filter;
    const sorted = (values: readonly string[] | undefined) => values && [...new Set(values)].sort();
    return JSON.stringify([
      sorted(zones) ?? 0,
      bbox ?? 0,
      near === undefined ? 0 : [near.lat, near.lon, near.radius_m],
      severity === undefined || severity === 'Unknown' ? 0 : severity,
      kinds === undefined || new Set(kinds).size === RULE_KINDS.length ? 0 : sorted(kinds),
      sorted(status),
    ]);
  });
  return [...new Set(texts)].sort().join('\n');
}

const SEVERITIES = severitySchema.options;

export function letsThrough(filters: AlertFilters, alert: FilteredAlert): boolean {
  return filters.some((filter) => isWanted(filter, alert));
}

function isWanted(filter: AlertFilter, { severity, status, rule_kind: kind, position, zones }: FilteredAlert): boolean {
  if (!filter.status.includes(status)) return false;
  if (filter.min_severity !== undefined && SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(filter.min_severity)) {
    return false;
  }
  if (filter.kinds?.some((each) => each === kind) === false) return false;
  if (filter.zones?.some((zone) => zones.includes(zone)) === false) return false;
  return isWithin(filter, position);
}

/** What happens at no place is in no box and in no circle. */
function isWithin({ bbox, near }: AlertFilter, position: Position | null): boolean {
  if (near !== undefined) return position !== null && distanceM(near, position) <= near.radius_m;
  if (bbox === undefined) return true;
  if (position === null) return false;
  const [west, south, east, north] = bbox;
  if (position.lat < south || position.lat > north) return false;
  return west <= east ? position.lon >= west && position.lon <= east : position.lon >= west || position.lon <= east;
}

/** Degrees; west is not above east. */
export interface Box {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

const METRES_PER_DEGREE = 111_194;
/** The distance of two positions is not computed to the last digit. */
const ROUNDING = 1 + 1e-9;

/** Boxes that have everything that the filter lets through; undefined for a filter that does not ask where it is. */
export function boxesOf({ bbox, near }: AlertFilter): readonly Box[] | undefined {
  if (bbox !== undefined) {
    const [west, south, east, north] = bbox;
    return split(west, south, east, north);
  }
  if (near === undefined) return undefined;
  const degrees = (near.radius_m / METRES_PER_DEGREE) * ROUNDING;
  const [south, north] = [near.lat - degrees, near.lat + degrees];
  // Around a pole every meridian is near.
  if (south <= -90 || north >= 90)
    return [{ west: -180, east: 180, south: Math.max(-90, south), north: Math.min(90, north) }];
  const sine = Math.sin((degrees * Math.PI) / 180) / Math.cos((near.lat * Math.PI) / 180);
  const lonDegrees = ((Math.asin(Math.min(1, sine)) * 180) / Math.PI) * ROUNDING;
  if (sine >= 1 || lonDegrees >= 180) return [{ west: -180, east: 180, south, north }];
  return split(wrapLongitude(near.lon - lonDegrees), south, wrapLongitude(near.lon + lonDegrees), north);
}

function split(west: number, south: number, east: number, north: number): readonly Box[] {
  if (west <= east) return [{ west, south, east, north }];
  return [
    { west, south, east: 180, north },
    { west: -180, south, east, north },
  ];
}

/** How an alert stands to filters after a transition: within as before, come in, gone out. Undefined for whom it is nothing. */
export type Passage = 'within' | 'enter' | 'leave';

/**
 * @param before of the same alert, as it was before; undefined for a new one
 * @param isEnd what is over comes in nowhere
 */
export function decidePassage(
  filters: AlertFilters,
  before: FilteredAlert | undefined,
  after: FilteredAlert,
  isEnd: boolean,
): Passage | undefined {
  const is = letsThrough(filters, after);
  if (before === undefined) return is ? 'within' : undefined;
  const was = letsThrough(filters, before);
  if (was) return is ? 'within' : 'leave';
  return is && !isEnd ? 'enter' : undefined;
}
