import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { covers, type ZoneArea } from '../../../../core/geo/zone-area.ts';

const square = (west: number, south: number, size: number): [number, number][] => [
  [west, south],
  [west + size, south],
  [west + size, south + size],
  [west, south + size],
  [west, south],
];
/** Ten degrees wide with a lake in the middle that has an island, and a second part far away. */
const AREA: ZoneArea = {
  type: 'MultiPolygon',
  coordinates: [[square(0, 0, 10), square(3, 3, 4)], [square(4, 4, 2)], [square(100, 50, 1)]],
};

for (const [name, lat, lon, expected] of [
  ['inside', 1, 1, true],
  ['in the lake', 3.5, 3.5, false],
  ['on the island', 5, 5, true],
  ['on the shore of the lake', 3, 5, true],
  ['on the outer border', 0, 5, true],
  ['on a corner', 10, 10, true],
  ['in the other part', 50.5, 100.5, true],
  ['outside, on the line of a border', 0, 11, false],
  ['outside, at the height of a corner', 10, -1, false],
  ['far outside', -45, -100, false],
] as const) {
  test(`a position ${name} is ${expected ? '' : 'not '}covered`, () =>
    assert.equal(covers(AREA, { lat, lon }), expected));
}

test('an area without a ring covers nothing', () => {
  assert.equal(covers({ type: 'MultiPolygon', coordinates: [[]] }, { lat: 0, lon: 0 }), false);
});

test('a polygon around a place covers what is nearer than its sides, and not what is farther than its corners', () => {
  const polygon = fc.record({
    corners: fc.integer({ min: 3, max: 12 }),
    turn: fc.double({ min: 0, max: 1, noNaN: true }),
    angle: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
    distance: fc.double({ min: 0, max: 2, noNaN: true }),
  });
  fc.assert(
    fc.property(polygon, ({ corners, turn, angle, distance }) => {
      const ring = Array.from({ length: corners }, (_, corner): [number, number] => {
        const at = (2 * Math.PI * (corner + turn)) / corners;
        return [19 + Math.cos(at), 47 + Math.sin(at)];
      });
      const closed = [...ring, ring[0] ?? [0, 0]] as [number, number][];
      const position = { lat: 47 + distance * Math.sin(angle), lon: 19 + distance * Math.cos(angle) };
      const isCovered = covers({ type: 'MultiPolygon', coordinates: [[closed]] }, position);
      if (distance < Math.cos(Math.PI / corners) - 1e-9) assert.ok(isCovered);
      if (distance > 1 + 1e-9) assert.ok(!isCovered);
    }),
  );
});
