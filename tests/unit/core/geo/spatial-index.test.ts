import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distanceM, type Position } from '../../../../core/geo/position.ts';
import { SpatialIndex } from '../../../../core/geo/spatial-index.ts';

const near = (around: Position, degrees: number) =>
  fc.record({
    lat: fc.double({ min: Math.max(-90, around.lat - degrees), max: Math.min(90, around.lat + degrees), noNaN: true }),
    lon: fc
      .double({ min: around.lon - degrees, max: around.lon + degrees, noNaN: true })
      .map((lon) => ((((lon + 180) % 360) + 360) % 360) - 180),
  });

for (const [name, around, degrees] of [
  ['in the middle', { lat: 17, lon: -100 }, 3],
  ['at the line of dates', { lat: 0, lon: 180 }, 2],
  ['near a pole', { lat: 88, lon: 40 }, 180],
  ['everywhere', { lat: 0, lon: 0 }, 180],
] as const) {
  test(`${name}, what is found is what lies within the radius, each once`, () => {
    fc.assert(
      fc.property(
        fc.array(near(around, degrees), { maxLength: 60 }),
        near(around, degrees),
        fc.double({ min: 0, max: 400_000, noNaN: true }),
        fc.double({ min: 1, max: 400_000, noNaN: true }),
        (places, centre, radiusM, cellM) => {
          const index = new SpatialIndex(
            places.map((place, number) => [place, number] as const),
            cellM,
          );
          const expected = places.flatMap((place, number) => (distanceM(centre, place) <= radiusM ? [number] : []));
          assert.deepEqual(
            [...index.within(centre, radiusM)].sort((a, b) => a - b),
            expected,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
}
