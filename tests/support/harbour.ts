import type { ZoneArea } from '../../core/geo/zone-area.ts';

/** A zone of one degree each way: 47 to 48 north, 19 to 20 east. */
export const HARBOUR: ZoneArea = {
  type: 'MultiPolygon',
  coordinates: [
    [
      [
        [19, 47],
        [20, 47],
        [20, 48],
        [19, 48],
        [19, 47],
      ],
    ],
  ],
};
