import { z } from 'zod';
import type { Position } from './position.ts';

const corner = z.tuple([z.number(), z.number()]).rest(z.number());
/** GeoJSON MultiPolygon (RFC 7946): longitude before latitude; the first ring of a polygon is its outside, others are holes. */
export const zoneAreaSchema = z.object({
  type: z.literal('MultiPolygon'),
  coordinates: z.array(z.array(z.array(corner))),
});
export type ZoneArea = z.infer<typeof zoneAreaSchema>;

type Ring = ZoneArea['coordinates'][number][number];

/** Whether the position lies in the area or on its border. */
export function covers({ coordinates }: ZoneArea, { lat, lon }: Position): boolean {
  return coordinates.some(([outside, ...holes]) => {
    if (outside === undefined || sideOfRing(outside, lon, lat) === 'outside') return false;
    return holes.every((hole) => sideOfRing(hole, lon, lat) !== 'inside');
  });
}

/** A ray to the east crosses the border of a ring as often as it goes in or out. */
function sideOfRing(ring: Ring, x: number, y: number): 'inside' | 'border' | 'outside' {
  let isInside = false;
  for (const [index, [bx, by]] of ring.entries()) {
    const [ax, ay] = ring[(index + ring.length - 1) % ring.length] ?? [bx, by];
    const isBetween = Math.min(ax, bx) <= x && x <= Math.max(ax, bx) && Math.min(ay, by) <= y && y <= Math.max(ay, by);
    if (isBetween && (bx - ax) * (y - ay) === (by - ay) * (x - ax)) return 'border';
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) isInside = !isInside;
  }
  return isInside ? 'inside' : 'outside';
}
