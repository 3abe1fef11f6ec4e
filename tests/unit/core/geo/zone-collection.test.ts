import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseZoneCollection } from '../../../../core/geo/zone-collection.ts';

type Ring = readonly (readonly unknown[])[];
const RING: Ring = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 0],
];

const feature = (changes: object = {}, rings: readonly unknown[] = [RING]): object => ({
  type: 'Feature',
  id: 'harbour',
  properties: { name: 'The harbour' },
  geometry: { type: 'Polygon', coordinates: rings },
  ...changes,
});

const problemsOf = (input: unknown): readonly string[] => {
  const parsed = parseZoneCollection(input);
  return parsed.ok ? [] : parsed.error;
};

test('a Feature and a FeatureCollection of polygons are zones, without altitudes', () => {
  const parsed = parseZoneCollection(
    feature({}, [
      [
        [0, 0, 7],
        [1, 0, 7],
        [1, 1, 7],
        [0, 0, 7],
      ],
    ]),
  );
  assert.deepEqual(parsed, {
    ok: true,
    value: [{ id: 'harbour', name: 'The harbour', area: { type: 'MultiPolygon', coordinates: [[RING]] } }],
  });
  const many = parseZoneCollection({
    type: 'FeatureCollection',
    features: [
      feature({ id: undefined, properties: { id: 'hill' } }),
      feature({ geometry: { type: 'MultiPolygon', coordinates: [[RING], [RING, RING]] } }),
    ],
  });
  assert.ok(many.ok);
  assert.deepEqual(
    many.value.map(({ id, name, area }) => [id, name, area.coordinates.map((rings) => rings.length)]),
    [
      ['hill', 'hill', [1]],
      ['harbour', 'The harbour', [1, 2]],
    ],
  );
});

test('each feature that is wrong is named, with what to change', () => {
  for (const [input, problem] of [
    [feature({ type: 'Other' }), /^not a GeoJSON Feature or FeatureCollection/],
    [null, /^not a GeoJSON/],
    [{ type: 'FeatureCollection', features: {} }, /^not a GeoJSON/],
    [{ type: 'FeatureCollection', features: [] }, /has no features/],
    [{ type: 'FeatureCollection', features: [7] }, /^feature 1: its "type" is not "Feature"/],
    [feature({ id: 'The Harbour' }), /^feature 1 \("The Harbour"\): it needs an "id" of small letters/],
    [feature({ id: 7 }), /^feature 1: it needs an "id"/],
    [feature({ id: undefined }), /it needs an "id"/],
    [feature({ properties: { name: 'two\nlines' } }), /"name" must be one line/],
    [feature({ geometry: null }), /geometry is missing: draw a Polygon/],
    [feature({ geometry: { type: 'LineString', coordinates: [] } }), /geometry is LineString: draw a Polygon/],
    [feature({ geometry: { type: 'MultiPolygon', coordinates: [] } }), /has no coordinates/],
    [feature({}, []), /no rings/],
    [
      feature({}, [
        [
          [0, 0],
          [1, 0],
          [0, 0],
        ],
      ]),
      /ring 1: 3 positions, and a ring has at least 4/,
    ],
    [
      feature({}, [
        RING,
        [
          [0, 0],
          [1, 0],
          [1, 1],
          [0, 1],
        ],
      ]),
      /ring 2 is open: repeat its first position/,
    ],
    [
      feature({}, [
        [
          [0, 0],
          [1, 'x'],
          [1, 1],
          [0, 0],
        ],
      ]),
      /ring 1, position 2: not \[longitude, latitude\]/,
    ],
    [
      feature({}, [
        [
          [0, 0],
          [1, NaN],
          [1, 1],
          [0, 0],
        ],
      ]),
      /position 2: not \[longitude, latitude\]/,
    ],
    [
      feature({}, [
        [
          [19, -99],
          [1, 0],
          [1, 1],
          [19, -99],
        ],
      ]),
      /latitude -99 is not from -90 to 90; longitude comes first/,
    ],
    [
      feature({}, [
        [
          [181, 0],
          [1, 0],
          [1, 1],
          [181, 0],
        ],
      ]),
      /longitude 181 is not from -180 to 180; cut the area in two/,
    ],
  ] as const) {
    const problems = problemsOf(input);
    assert.equal(problems.length, 1, JSON.stringify(input));
    assert.match(problems[0] ?? '', problem);
  }
});

test('a file with several mistakes is told all of them, also an id that two features have', () => {
  const input = { type: 'FeatureCollection', features: [feature(), feature({}, []), feature()] };
  assert.deepEqual(problemsOf(input), [
    'feature 2 ("harbour"): no rings: a polygon is a list of rings',
    'feature 3 ("harbour"): another feature has this id; give each its own',
  ]);
});
