import fc from 'fast-check';
import { alertFiltersSchema, type AlertFilters, type FilteredAlert } from '../../core/alerts/alert-filter.ts';
import { capStatusSchema, severitySchema } from '../../core/alerts/alert.ts';

const ZONES = ['a', 'b', 'c', 'd'];
const KINDS = ['threshold', 'rate', 'quorum', 'absence'] as const;

/** Coarse enough that many are equal, and with the places that are special. */
const lat = fc.oneof(
  fc.constantFrom(-90, 90, 0),
  fc.integer({ min: -900, max: 900 }).map((value) => value / 10),
);
const lon = fc.oneof(
  fc.constantFrom(-180, 180, 0),
  fc.integer({ min: -1800, max: 1800 }).map((value) => value / 10),
);
const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 });

const area = fc.oneof(
  fc.constant({}),
  fc.tuple(lon, lat, lon, lat).map(([west, one, east, other]) => ({
    bbox: [west, Math.min(one, other), east, Math.max(one, other)],
  })),
  fc
    .record({
      lat,
      lon,
      radius_m: fc.oneof(fc.integer({ min: 1, max: 500_000 }), fc.integer({ min: 1, max: 20_100_000 })),
    })
    .map((near) => ({ near })),
);

const filter = fc
  .tuple(
    area,
    fc.record(
      {
        zones: some(ZONES),
        min_severity: fc.constantFrom(...severitySchema.options),
        kinds: some(KINDS),
        status: some(capStatusSchema.options),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([place, others]) => ({ ...place, ...others }));

export const filterSets: fc.Arbitrary<AlertFilters> = fc
  .array(filter, { minLength: 1, maxLength: 3 })
  .map((filters) => alertFiltersSchema.parse(filters));

export const alerts: fc.Arbitrary<FilteredAlert> = fc.record({
  severity: fc.constantFrom(...severitySchema.options),
  status: fc.constantFrom(...capStatusSchema.options),
  rule_kind: fc.constantFrom(...KINDS),
  position: fc.option(fc.record({ lat, lon }), { freq: 8 }),
  zones: fc.subarray(ZONES),
});
