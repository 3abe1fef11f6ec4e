/**
 * Where and when a wave began, from when it arrived and from where it has not arrived yet.
 *
 * The estimate is the mean of a posterior over a grid, and its error the standard deviation. For each place and depth of the grid
 * the time of origin is the median of those that the arrivals ask for; then
 *
 * - each arrival is the fast wave, sometimes the slow one (the fast one was too weak), rarely neither;
 * - a device that could have heard the wave and has not speaks against the place, the more the nearer it is;
 * - sources far from all devices are rare: to be felt they have to be large, and large ones are rare.
 *
 * Two passes: rings around the first device that heard it, then finer ones around the estimate.
 */
import { LocalPlane } from '../../geo/local-plane.ts';
import { distanceM, type Position } from '../../geo/position.ts';
import type { Point, Wave } from './wave.ts';

export interface Arrival {
  readonly position: Position;
  /** Unix microseconds. */
  readonly timeUs: number;
}

/** A device that has not triggered. */
export interface Silence {
  readonly position: Position;
  /** Of its newest reading, Unix microseconds. */
  readonly heardUntilUs: number;
}

export interface Origin {
  readonly position: Position;
  /** Unix microseconds. */
  readonly timeUs: number;
  readonly depthM: number;
  /** Standard deviation of the position, metres. */
  readonly errorM: number;
}

export interface OriginOptions {
  readonly wave: Wave;
  /** Standard deviation of an arrival's time, seconds: clock and onset. */
  readonly arrivalErrorS: number;
  /** No source is looked for farther from the first device, metres. */
  readonly reachM: number;
}

/** Times of devices as columns: they are gone through thousands of times. */
interface Times {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Seconds after the first arrival. */
  readonly s: Float64Array;
}

interface Node extends Point {
  /** Of the area that it stands for. */
  readonly logArea: number;
}

interface Guess {
  readonly logWeight: number;
  readonly timeS: number;
}

const RINGS = 16;
const SECTORS = 24;
/** The innermost ring, as a part of the reach. */
const INNERMOST = 0.01;
/** The second pass looks this many standard deviations far. */
const SECOND_PASS = 3;
/** The earliest say where it is; the others cost time. */
const MOST_ARRIVALS = 12;
const MOST_SILENCES = 24;

/** How often an arrival is the slow wave, and how often it is nothing of the kind, as odds to the fast one. */
const SLOW_ODDS = 0.15;
const STRAY_ODDS = 0.002;
/** The onset of the slow wave is less sharp. */
const SLOW_ERROR_FACTOR = 1.5;

/** A device is given this long after the wave to trigger, in seconds. */
const TO_TRIGGER_S = 1;
const HEARS_FAST = 0.9;
const HEARS_SLOW = 0.97;
/** The chance to hear falls off around the distance of the farthest device that heard, over this part of it. */
const FALL_OFF = 0.25;
/** The slow wave is stronger and is heard farther off. */
const SLOW_REACH = 1.3;

/**
 * How much rarer sources are that are felt from farther off: amplitude falls with (R + 25 km)^-2 and grows with e^(0.8 M)
 * (Esteva 1970), and the number of earthquakes falls with 10^-M (Gutenberg and Richter).
 */
const RARER_EXPONENT = (2 / 0.8) * Math.LN10;
const RARER_FROM_M = 25_000;

/** @param arrivals at least one, the first of them is the reference; times of one origin */
export function estimateOrigin(
  arrivals: readonly Arrival[],
  silences: readonly Silence[],
  options: OriginOptions,
): Origin {
  const byTime = [...arrivals].sort((a, b) => a.timeUs - b.timeUs).slice(0, MOST_ARRIVALS);
  const [first] = byTime;
  if (first === undefined) throw new Error('an origin is estimated from arrivals');
  const plane = new LocalPlane(first.position);
  const heard = timesOf(byTime, plane, first.timeUs);
  const silent = timesOf(
    nearestTo(first.position, silences)
      .slice(0, MOST_SILENCES)
      .map(({ position, heardUntilUs }) => ({ position, timeUs: heardUntilUs })),
    plane,
    first.timeUs,
  );
  const coarse = meanOver(rings({ x: 0, y: 0 }, options.reachM), heard, silent, options);
  const fineReachM = Math.min(options.reachM, Math.max(SECOND_PASS * coarse.errorM, options.reachM / RINGS));
  const fine = meanOver(rings(coarse.point, fineReachM), heard, silent, options);
  return {
    position: plane.toPosition(fine.point),
    timeUs: Math.round(first.timeUs + fine.timeS * 1e6),
    depthM: fine.depthM,
    errorM: fine.errorM,
  };
}

function nearestTo(centre: Position, silences: readonly Silence[]): readonly Silence[] {
  const byDistance = silences.map((silence) => ({ silence, distanceM: distanceM(centre, silence.position) }));
  return byDistance.sort((a, b) => a.distanceM - b.distanceM).map(({ silence }) => silence);
}

function timesOf(arrivals: readonly Arrival[], plane: LocalPlane, zeroUs: number): Times {
  const points = arrivals.map(({ position }) => plane.toPoint(position));
  return {
    x: Float64Array.from(points, ({ x }) => x),
    y: Float64Array.from(points, ({ y }) => y),
    s: Float64Array.from(arrivals, ({ timeUs }) => (timeUs - zeroUs) / 1e6),
  };
}

/** Around a centre, finer towards it. */
function rings(centre: Point, reachM: number): readonly Node[] {
  const growth = (1 / INNERMOST) ** (1 / (RINGS - 1));
  const nodes: Node[] = [{ ...centre, logArea: logAreaOf(0, reachM * INNERMOST * Math.sqrt(1 / growth), 1) }];
  for (let ring = 0; ring < RINGS; ring += 1) {
    const radiusM = reachM * INNERMOST * growth ** ring;
    const logArea = logAreaOf(radiusM / Math.sqrt(growth), radiusM * Math.sqrt(growth), SECTORS);
    for (let sector = 0; sector < SECTORS; sector += 1) {
      // Every other ring is turned, so that no direction is looked at more closely.
      const angle = (2 * Math.PI * (sector + (ring % 2) / 2)) / SECTORS;
      nodes.push({ x: centre.x + radiusM * Math.cos(angle), y: centre.y + radiusM * Math.sin(angle), logArea });
    }
  }
  return nodes;
}

function logAreaOf(innerM: number, outerM: number, parts: number): number {
  return Math.log((outerM ** 2 - innerM ** 2) / parts);
}

interface Mean {
  readonly point: Point;
  readonly timeS: number;
  readonly depthM: number;
  readonly errorM: number;
}

function meanOver(nodes: readonly Node[], heard: Times, silent: Times, options: OriginOptions): Mean {
  const slants = new Float64Array(heard.s.length);
  const sorted = new Float64Array(heard.s.length);
  const guesses = options.wave.depths_m.flatMap((depthM) =>
    nodes.map((node) => ({ node, depthM, ...weigh(node, depthM, heard, silent, options, { slants, sorted }) })),
  );
  const best = guesses.reduce((most, { logWeight }) => Math.max(most, logWeight), -Infinity);
  const sum = { weight: 0, x: 0, y: 0, squares: 0, timeS: 0, depthM: 0 };
  for (const { node, depthM, timeS, logWeight } of guesses) {
    const weight = Math.exp(logWeight - best);
    sum.weight += weight;
    sum.x += weight * node.x;
    sum.y += weight * node.y;
    sum.squares += weight * (node.x ** 2 + node.y ** 2);
    sum.timeS += weight * timeS;
    sum.depthM += weight * depthM;
  }
  const [x, y] = [sum.x / sum.weight, sum.y / sum.weight];
  return {
    point: { x, y },
    timeS: sum.timeS / sum.weight,
    depthM: sum.depthM / sum.weight,
    errorM: Math.sqrt(Math.max(0, sum.squares / sum.weight - x ** 2 - y ** 2)),
  };
}

/** @param scratch of the length of `heard` */
function weigh(
  node: Node,
  depthM: number,
  heard: Times,
  silent: Times,
  { wave, arrivalErrorS }: OriginOptions,
  { slants, sorted }: { readonly slants: Float64Array; readonly sorted: Float64Array },
): Guess {
  const count = heard.s.length;
  let nearestM = Infinity;
  let farthestM = 1;
  for (let i = 0; i < count; i += 1) {
    const slantM = slantBetween(node, heard, i, depthM);
    slants[i] = slantM;
    sorted[i] = at(heard.s, i) - slantM / wave.fast_m_s;
    if (slantM < nearestM) nearestM = slantM;
    if (slantM > farthestM) farthestM = slantM;
  }
  // The lower one of the two in the middle: an arrival is never early, and late when it is the slow wave.
  const timeS = at(sorted.sort(), (count - 1) >> 1);
  let logWeight = node.logArea - RARER_EXPONENT * Math.log(nearestM + RARER_FROM_M);
  for (let i = 0; i < count; i += 1) {
    const afterS = at(heard.s, i) - timeS;
    const fast = bell((afterS - at(slants, i) / wave.fast_m_s) / arrivalErrorS);
    const slow = bell((afterS - at(slants, i) / wave.slow_m_s) / (arrivalErrorS * SLOW_ERROR_FACTOR));
    logWeight += Math.log(fast + SLOW_ODDS * slow + STRAY_ODDS);
  }
  for (let i = 0; i < silent.s.length; i += 1) {
    const slantM = slantBetween(node, silent, i, depthM);
    const listenedS = at(silent.s, i) - timeS - TO_TRIGGER_S;
    if (listenedS <= slantM / wave.fast_m_s) continue;
    const isPastSlow = listenedS > slantM / wave.slow_m_s;
    const reachM = isPastSlow ? farthestM * SLOW_REACH : farthestM;
    const hears = (isPastSlow ? HEARS_SLOW : HEARS_FAST) / (1 + Math.exp((slantM - reachM) / (FALL_OFF * farthestM)));
    logWeight += Math.log(1 - hears);
  }
  return { logWeight, timeS };
}

/** Math.hypot would take ten times as long. */
function slantBetween(node: Point, { x, y }: Times, index: number, depthM: number): number {
  const east = node.x - at(x, index);
  const north = node.y - at(y, index);
  return Math.sqrt(east * east + north * north + depthM * depthM);
}

function at(column: Float64Array, index: number): number {
  return column[index] ?? 0;
}

function bell(deviations: number): number {
  return Math.exp(-0.5 * deviations * deviations);
}
