import { accept, reject, type Result } from '../result.ts';
import type { ZoneArea } from './zone-area.ts';

/** A zone as somebody has drawn it. */
export interface DrawnZone {
  readonly id: string;
  readonly name: string;
  readonly area: ZoneArea;
}

type Corner = [number, number];

const ZONE_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;
const LONGEST_NAME = 200;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** A ring has a corner in each of three places and ends where it began (RFC 7946 section 3.1.6). */
const FEWEST_POSITIONS = 4;

/**
 * Zones of a GeoJSON Feature or FeatureCollection (RFC 7946): each feature is a Polygon or MultiPolygon, with the zone's id as its id
 * or its property `id`, and its name as its property `name`. All of them, or one line for each feature that is wrong, with what to
 * change. Whether borders cross is not looked at.
 */
export function parseZoneCollection(input: unknown): Result<readonly DrawnZone[], readonly string[]> {
  const features = featuresOf(input);
  if (features === undefined) {
    return reject(['not a GeoJSON Feature or FeatureCollection: "type" must be one of these, with its members']);
  }
  if (features.length === 0) return reject(['the FeatureCollection has no features']);
  const zones: DrawnZone[] = [];
  const problems: string[] = [];
  for (const [index, feature] of features.entries()) {
    const zone = parseFeature(feature);
    if (typeof zone === 'string') problems.push(`${nameFeature(feature, index)}: ${zone}`);
    else if (zones.some(({ id }) => id === zone.id)) {
      problems.push(`${nameFeature(feature, index)}: another feature has this id; give each its own`);
    } else zones.push(zone);
  }
  return problems.length === 0 ? accept(zones) : reject(problems);
}

function featuresOf(input: unknown): readonly unknown[] | undefined {
  const type = memberOf(input, 'type');
  if (type === 'Feature') return [input];
  const features = memberOf(input, 'features');
  return type === 'FeatureCollection' && Array.isArray(features) ? features : undefined;
}

/** Or what is wrong. */
function parseFeature(feature: unknown): DrawnZone | string {
  if (memberOf(feature, 'type') !== 'Feature') return 'its "type" is not "Feature"';
  const id = idOf(feature);
  if (typeof id !== 'string' || !ZONE_ID.test(id)) {
    return 'it needs an "id" of small letters, digits and -, at most 64, such as "harbour"';
  }
  const name = memberOf(memberOf(feature, 'properties'), 'name') ?? id;
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME || CONTROL_CHARACTER.test(name)) {
    return `its property "name" must be one line of at most ${LONGEST_NAME} characters`;
  }
  const geometry = memberOf(feature, 'geometry');
  const type = memberOf(geometry, 'type');
  const coordinates = memberOf(geometry, 'coordinates');
  if (type !== 'Polygon' && type !== 'MultiPolygon') {
    return `its geometry is ${typeof type === 'string' ? type : 'missing'}: draw a Polygon or a MultiPolygon`;
  }
  const polygons = type === 'Polygon' ? [coordinates] : coordinates;
  if (!Array.isArray(polygons) || polygons.length === 0) return 'its geometry has no coordinates';
  const area: Corner[][][] = [];
  for (const [index, polygon] of polygons.entries()) {
    const where = polygons.length === 1 ? '' : `polygon ${index + 1}, `;
    if (!Array.isArray(polygon) || polygon.length === 0) return `${where}no rings: a polygon is a list of rings`;
    const rings: Corner[][] = [];
    for (const [ringIndex, ring] of polygon.entries()) {
      const parsed = parseRing(ring);
      if (typeof parsed === 'string') return `${where}ring ${ringIndex + 1}${parsed}`;
      rings.push(parsed);
    }
    area.push(rings);
  }
  return { id, name, area: { type: 'MultiPolygon', coordinates: area } };
}

/** Altitudes are left out. Or what is wrong. */
function parseRing(ring: unknown): Corner[] | string {
  if (!Array.isArray(ring)) return ': not a list of positions';
  const corners: Corner[] = [];
  for (const [index, position] of ring.entries()) {
    const lon: unknown = Array.isArray(position) ? position[0] : undefined;
    const lat: unknown = Array.isArray(position) ? position[1] : undefined;
    if (typeof lon !== 'number' || typeof lat !== 'number' || !Number.isFinite(lon) || !Number.isFinite(lat)) {
      return `, position ${index + 1}: not [longitude, latitude] in degrees`;
    }
    if (Math.abs(lat) > 90) {
      const hint = Math.abs(lon) <= 90 ? '; longitude comes first, so these two may have to change places' : '';
      return `, position ${index + 1}: latitude ${lat} is not from -90 to 90${hint}`;
    }
    if (Math.abs(lon) > 180) {
      return `, position ${index + 1}: longitude ${lon} is not from -180 to 180; cut the area in two at the antimeridian (RFC 7946 section 3.1.9)`;
    }
    corners.push([lon, lat]);
  }
  if (corners.length < FEWEST_POSITIONS) {
    return `: ${corners.length} positions, and a ring has at least ${FEWEST_POSITIONS}: three corners, and the first again`;
  }
  const [first, last] = [corners[0], corners.at(-1)];
  if (first?.[0] !== last?.[0] || first?.[1] !== last?.[1]) return ' is open: repeat its first position at its end';
  return corners;
}

function idOf(feature: unknown): unknown {
  return memberOf(feature, 'id') ?? memberOf(memberOf(feature, 'properties'), 'id');
}

function nameFeature(feature: unknown, index: number): string {
  const id = idOf(feature);
  return typeof id === 'string' && id.length <= 64 && !CONTROL_CHARACTER.test(id)
    ? `feature ${index + 1} ("${id}")`
    : `feature ${index + 1}`;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const member: unknown = Reflect.get(value, name);
  return member ?? undefined;
}
