/** WGS 84, degrees; altitude in metres above the ellipsoid. GeoJSON and PostGIS order is lon, lat: name the fields. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
  readonly altM?: number | undefined;
}

const EARTH_RADIUS_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

/** Great-circle distance in metres on the mean sphere (error below 0.6 % against the ellipsoid). */
export function distanceM(a: Position, b: Position): number {
  const dLat = (b.lat - a.lat) * RADIANS;
  const dLon = (b.lon - a.lon) * RADIANS;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** From -180, inclusive, to 180. */
export function wrapLongitude(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}
