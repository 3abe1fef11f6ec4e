import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  alertFiltersSchema,
  boxesOf,
  canonicalText,
  decidePassage,
  letsThrough,
  type AlertFilters,
  type FilteredAlert,
} from '../../../../core/alerts/alert-filter.ts';
import { alerts, filterSets } from '../../../support/alert-filters.ts';

const parse = (...filters: unknown[]): AlertFilters => alertFiltersSchema.parse(filters);

const quake: FilteredAlert = {
  severity: 'Severe',
  status: 'Actual',
  rule_kind: 'quorum',
  position: { lat: 47.5, lon: 19 },
  zones: ['budapest', 'hungary'],
};

for (const [what, filter, expected] of [
  ['nothing in particular', {}, true],
  ['a severity below', { min_severity: 'Minor' }, true],
  ['the severity', { min_severity: 'Severe' }, true],
  ['a severity above', { min_severity: 'Extreme' }, false],
  ['any severity', { min_severity: 'Unknown' }, true],
  ['its zone and another', { zones: ['vienna', 'hungary'] }, true],
  ['other zones', { zones: ['vienna'] }, false],
  ['its kind', { kinds: ['threshold', 'quorum'] }, true],
  ['another kind', { kinds: ['threshold'] }, false],
  ['exercises', { status: ['Exercise'] }, false],
  ['exercises too', { status: ['Exercise', 'Actual'] }, true],
  ['a box around it', { bbox: [18, 47, 20, 48] }, true],
  ['a box of that place alone', { bbox: [19, 47.5, 19, 47.5] }, true],
  ['a box beside it', { bbox: [19.01, 47, 20, 48] }, false],
  ['a box that goes round the other way', { bbox: [20, 47, 18, 48] }, false],
  ['a box across the antimeridian, with it', { bbox: [10, 47, -10, 48] }, true],
  ['a circle that just reaches it', { near: { lat: 47, lon: 19, radius_m: 55_600 } }, true],
  ['a circle that does not', { near: { lat: 47, lon: 19, radius_m: 55_500 } }, false],
  ['its zone in a box beside it', { zones: ['hungary'], bbox: [0, 0, 1, 1] }, false],
] as const) {
  test(`a severe quake at 47.5, 19 is ${expected ? '' : 'not '}told to who asks for ${what}`, () => {
    assert.equal(letsThrough(parse(filter), quake), expected);
  });
}

test('an exercise, and what happens at no place, is told only to who asks for it or for no place', () => {
  assert.equal(letsThrough(parse({}), { ...quake, status: 'Exercise' }), false);
  assert.equal(letsThrough(parse({ status: ['Test', 'Exercise'] }), { ...quake, status: 'Exercise' }), true);
  assert.equal(letsThrough(parse({ bbox: [-180, -90, 180, 90] }), { ...quake, position: null }), false);
  assert.equal(letsThrough(parse({}), { ...quake, position: null }), true);
});

test('an alert that changes comes into filters, stays in them or goes out; one that is over comes in nowhere', () => {
  const severe = parse({ min_severity: 'Severe' });
  const minor: FilteredAlert = { ...quake, severity: 'Minor' };
  assert.equal(decidePassage(severe, undefined, quake, false), 'within');
  assert.equal(decidePassage(severe, undefined, minor, false), undefined);
  assert.equal(decidePassage(severe, minor, quake, false), 'enter');
  assert.equal(decidePassage(severe, quake, quake, false), 'within');
  assert.equal(decidePassage(severe, quake, minor, false), 'leave');
  assert.equal(decidePassage(severe, minor, minor, false), undefined);
  assert.equal(decidePassage(severe, minor, quake, true), undefined);
  assert.equal(decidePassage(severe, quake, quake, true), 'within');
});

for (const [what, filters] of [
  ['none', []],
  ['a name that is none', [{ zone: ['budapest'] }]],
  ['a box and a circle', [{ bbox: [0, 0, 1, 1], near: { lat: 0, lon: 0, radius_m: 1 } }]],
  ['a box upside down', [{ bbox: [0, 1, 1, 0] }]],
  ['latitudes that are none', [{ bbox: [0, -91, 1, 0] }]],
  ['no zone', [{ zones: [] }]],
  ['51 zones', [{ zones: Array.from({ length: 51 }, (_, index) => `z${index}`) }]],
  ['21 filters', Array.from({ length: 21 }, () => ({}))],
  ['a radius of nothing', [{ near: { lat: 0, lon: 0, radius_m: 0 } }]],
  ['a severity that is none', [{ min_severity: 'Worst' }]],
] as const) {
  test(`filters with ${what} are refused`, () => {
    assert.equal(alertFiltersSchema.safeParse(filters).success, false);
  });
}

test('filters that are said in another order are the same, and let the same through', () => {
  const set = parse({ zones: ['b', 'a', 'a'], kinds: ['rate', 'quorum'] }, { min_severity: 'Unknown' });
  const same = parse(
    { min_severity: 'Unknown', status: ['Actual'] },
    {},
    { zones: ['a', 'b'], kinds: ['quorum', 'rate'] },
  );
  assert.equal(canonicalText(set), canonicalText(same));
  fc.assert(
    fc.property(filterSets, filterSets, alerts, (one, other, alert) => {
      if (canonicalText(one) === canonicalText(other)) {
        assert.equal(letsThrough(one, alert), letsThrough(other, alert));
      }
      assert.equal(canonicalText([...one].reverse()), canonicalText(one));
    }),
    { numRuns: 3000 },
  );
});

test('the boxes of a filter have every place that it lets through', () => {
  fc.assert(
    fc.property(filterSets, alerts, (filters, alert) => {
      for (const filter of filters) {
        const boxes = boxesOf(filter);
        const { position } = alert;
        if (boxes === undefined || position === null || !letsThrough([filter], alert)) continue;
        const isIn = boxes.some(
          ({ west, south, east, north }) =>
            position.lon >= west && position.lon <= east && position.lat >= south && position.lat <= north,
        );
        assert.ok(isIn, JSON.stringify({ filter, position, boxes }));
      }
    }),
    { numRuns: 20_000 },
  );
});
