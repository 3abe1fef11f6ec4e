import { noiseAt } from '../../ground-motion/noise.ts';
import type { Quake } from '../../ground-motion/quake.ts';
import { shakingAt, type Site } from '../../ground-motion/shaking.ts';
import type { Vector } from '../../pack.ts';
import { betweenAt, uniformAt } from '../../random.ts';
import type { Scenario } from '../scenario.ts';
import { createBrokenSensor } from './broken-sensor.ts';
import { scaled, sumOf, type Disturbance } from './disturbance.ts';
import { liarSites } from './liars.ts';
import { createTeleseism } from './teleseism.ts';
import { createThunderstorm } from './thunderstorm.ts';
import { createTraffic } from './traffic.ts';

/** How one device differs from a perfect one. */
export interface Sensor {
  /** By how much its clock is ahead, microseconds. */
  readonly clockErrorUs: number;
  readonly gain: number;
  /** Per axis. */
  readonly noiseMs2: number;
}

/** A network in the field for a minute, with its truth. */
export interface FieldScenario extends Scenario {
  /** What really happened, all of it inside the network. */
  readonly quakes: readonly Quake[];
  sensorAt(index: number): Sensor;
  /** Whose device it is. */
  ownerAt(index: number): string;
  /** When the platform gets what was sent; undefined when it never does. */
  arrivalUs(index: number, sentUs: number): number | undefined;
}

export interface FieldOptions {
  readonly seed: number;
  readonly sites: readonly Site[];
  readonly startUs: number;
  readonly durationS: number;
  readonly sampleUs: number;
}

export const FIELD_KINDS = [
  'quiet',
  'quake',
  'two-quakes',
  'quake-in-storm',
  'quake-with-dropouts',
  'quake-with-bad-clocks',
  'quake-over-slow-network',
  'quake-beside-broken-sensor',
  'quake-beside-liars',
  'quake-after-reconnect',
  'teleseism',
  'thunderstorm',
  'broken-sensor',
  'liars',
  'traffic',
  'reconnect',
  'clock-drift',
  'slow-network',
] as const;
export type FieldKind = (typeof FIELD_KINDS)[number];

/** Quakes come when baselines have settled. */
const QUAKE_AFTER_S = 18;
const LIAR = 'liar';
const CLOCK_ERROR_US = 100_000;
const BAD_CLOCK_ERROR_US = 2_000_000;
/** A clock that nobody has set for a month. */
const DRIFT_ERROR_US = 400_000;
const STRIKES = 30;
const TRUCKS = 25;
/** Tells these uses of the seed from others. */
const SENSORS = 61;
const NETWORK = 62;
const QUAKES = 63;

/** All of it is decided by the kind, the seed and the sites. */
export function createFieldScenario(kind: FieldKind, options: FieldOptions): FieldScenario {
  const { seed, sites } = options;
  const quakes = quakesOf(kind, options);
  const lie = hasLiars(kind) ? lieOf(options) : undefined;
  const disturbances = disturbancesOf(kind, options);
  const sensors = sites.map(({ index }) => sensorOf(kind, seed, index));
  const sensorAt = (index: number): Sensor => {
    const sensor = sensors[index];
    if (sensor === undefined) throw new Error(`there is no site ${index}`);
    return sensor;
  };
  return {
    name: kind,
    quakes,
    quakesUntil: (timeMs) => quakes.filter(({ originMs }) => originMs <= timeMs),
    sensorAt,
    ownerAt: (index) => (lie?.sites.has(index) === true ? LIAR : `owner-${index}`),
    accelerationAt: (site, timeUs): Vector => {
      const { noiseMs2, gain } = sensorAt(site.index);
      const felt = [
        noiseAt(seed, site.index, timeUs, noiseMs2),
        ...quakes.map((quake) => shakingAt(site, quake, timeUs)),
        ...disturbances.map((disturbance) => disturbance.accelerationAt(site, timeUs)),
      ];
      if (lie?.sites.has(site.index) === true) felt.push(shakingAt(site, lie.quake, timeUs));
      return scaled(sumOf(felt), gain);
    },
    arrivalUs: (index, sentUs) => arrivalOf(kind, options, index, sentUs),
  };
}

/** Whether one owner has many of the devices. */
export function hasLiars(kind: string): boolean {
  return kind === 'liars' || kind === 'quake-beside-liars';
}

function hasQuake(kind: FieldKind): boolean {
  return kind.startsWith('quake') || kind === 'two-quakes';
}

function quakesOf(kind: FieldKind, options: FieldOptions): readonly Quake[] {
  if (!hasQuake(kind)) return [];
  const { seed, startUs } = options;
  const originMs = startUs / 1000 + (QUAKE_AFTER_S + betweenAt(0, 3, seed, QUAKES, 1)) * 1000;
  if (kind !== 'two-quakes')
    return [
      quakeAt(options, originMs, betweenAt(0.25, 0.75, seed, QUAKES, 2), betweenAt(0.25, 0.75, seed, QUAKES, 3), 1),
    ];
  // In opposite corners.
  const side = uniformAt(seed, QUAKES, 4) < 0.5 ? 0.12 : 0.88;
  return [
    quakeAt(options, originMs, 0.12, side, 1),
    quakeAt(options, originMs + betweenAt(0, 1500, seed, QUAKES, 5), 0.88, 1 - side, 2),
  ];
}

/** @param north in parts of the network, and east alike */
function quakeAt({ seed, sites }: FieldOptions, originMs: number, north: number, east: number, number: number): Quake {
  const lats = sites.map(({ position }) => position.lat);
  const lons = sites.map(({ position }) => position.lon);
  const between = (values: readonly number[], part: number): number =>
    Math.min(...values) + part * (Math.max(...values) - Math.min(...values));
  return {
    originMs: Math.round(originMs),
    lat: between(lats, north),
    lon: between(lons, east),
    depthKm: betweenAt(7, 13, seed, QUAKES, number, 6),
    magnitude: betweenAt(3.5, 6.2, seed, QUAKES, number, 7),
    seed: seed * 16 + number,
  };
}

/** One owner enrols devices at many places, and makes them all send the quake that he has thought of. */
function lieOf(options: FieldOptions): { readonly quake: Quake; readonly sites: ReadonlySet<number> } {
  const { seed, startUs, sites } = options;
  const originMs = startUs / 1000 + (QUAKE_AFTER_S - 6) * 1000;
  const quake = { ...quakeAt(options, originMs, 0.5, 0.5, 9), magnitude: 6 };
  return { quake, sites: liarSites(seed, sites.length) };
}

function disturbancesOf(
  kind: FieldKind,
  { seed, sites, startUs, durationS, sampleUs }: FieldOptions,
): readonly Disturbance[] {
  switch (kind) {
    case 'thunderstorm':
    case 'quake-in-storm':
      return [createThunderstorm({ seed, startUs, durationS, strikes: STRIKES, sites, sampleUs })];
    case 'broken-sensor':
    case 'quake-beside-broken-sensor':
      return [createBrokenSensor(seed, Math.floor(betweenAt(0, sites.length, seed, SENSORS)))];
    case 'traffic':
      return [createTraffic(seed, startUs, durationS, TRUCKS, sites.length)];
    case 'teleseism':
      return [createTeleseism(seed, startUs + QUAKE_AFTER_S * 1e6)];
    default:
      return [];
  }
}

function sensorOf(kind: FieldKind, seed: number, index: number): Sensor {
  const errorUs =
    kind === 'quake-with-bad-clocks' ? BAD_CLOCK_ERROR_US : kind === 'clock-drift' ? DRIFT_ERROR_US : CLOCK_ERROR_US;
  return {
    clockErrorUs: Math.round(betweenAt(-errorUs, errorUs, seed, SENSORS, index, 1)),
    gain: betweenAt(0.9, 1.1, seed, SENSORS, index, 2),
    // Most are quiet, some stand in noisy places.
    noiseMs2: 0.0008 * 10 ** (betweenAt(0, 0.8, seed, SENSORS, index, 3) ** 2),
  };
}

function arrivalOf(
  kind: FieldKind,
  { seed, startUs }: FieldOptions,
  index: number,
  sentUs: number,
): number | undefined {
  const slow = kind === 'quake-over-slow-network' || kind === 'slow-network';
  const delayUs = slow
    ? betweenAt(100_000, 600_000, seed, NETWORK, index, 1) + betweenAt(0, 300_000, seed, NETWORK, index, sentUs)
    : betweenAt(30_000, 120_000, seed, NETWORK, index, sentUs);
  if (kind === 'quake-with-dropouts') {
    // A tenth of the packs are lost, and every sixth device is off.
    const isOff = index % 6 === 5;
    if (isOff || uniformAt(seed, NETWORK, index, sentUs, 2) < 0.1) return undefined;
  }
  const backUs = startUs + (kind === 'quake-after-reconnect' ? QUAKE_AFTER_S - 4 : QUAKE_AFTER_S + 8) * 1e6;
  const isCutOff = (kind === 'reconnect' || kind === 'quake-after-reconnect') && index % 5 !== 0;
  // The network was away for ten seconds: what was kept comes at once.
  if (isCutOff && sentUs > backUs - 10e6 && sentUs < backUs) return backUs + betweenAt(0, 2e6, seed, NETWORK, index, 3);
  return sentUs + delayUs;
}
