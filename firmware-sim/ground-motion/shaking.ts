import type { Position } from '../../core/geo/position.ts';
import type { Vector } from '../pack.ts';
import { betweenAt } from '../random.ts';
import { hypocentralDistanceKm, peakAccelerationMs2 } from './attenuation.ts';
import type { Quake } from './quake.ts';

export const P_SPEED_KM_S = 6;
export const S_SPEED_KM_S = 3.5;
/** After this long a quake is below the noise everywhere in its network. */
export const SHAKING_ENDS_AFTER_S = 120;

/** A place that shakes; the index tells sites apart that stand side by side. */
export interface Site {
  readonly index: number;
  readonly position: Position;
}

interface Phase {
  readonly id: number;
  readonly speedKmS: number;
  /** Of the peak acceleration, along x, y and z. */
  readonly share: Vector;
  /** Of the time that the S wave takes to grow. */
  readonly riseFactor: number;
  readonly lowestHz: number;
  readonly highestHz: number;
}

/** P shakes upwards and is quick, S shakes sideways and is five times as strong. */
const PHASES: readonly Phase[] = [
  { id: 1, speedKmS: P_SPEED_KM_S, share: [0.1, 0.1, 0.2], riseFactor: 0.4, lowestHz: 3, highestHz: 7 },
  { id: 2, speedKmS: S_SPEED_KM_S, share: [1, 0.9, 0.6], riseFactor: 1, lowestHz: 1, highestHz: 3 },
];

export function arrivalMs(distanceKm: number, quake: Quake, speedKmS: number): number {
  return quake.originMs + (distanceKm / speedKmS) * 1000;
}

interface Swing {
  readonly radiansPerS: number;
  readonly turn: number;
  readonly share: number;
}

interface PhaseHere {
  readonly arrivalMs: number;
  readonly riseS: number;
  readonly swings: readonly Swing[];
}

/** What does not change while a site shakes. */
interface ShakingHere {
  readonly peakMs2: number;
  readonly phases: readonly PhaseHere[];
}

const known = new WeakMap<Quake, WeakMap<Site, ShakingHere>>();

/** Acceleration of the ground in m/s2, without noise; nothing before the P wave arrives. */
export function shakingAt(site: Site, quake: Quake, timeUs: number): Vector {
  const { peakMs2, phases } = shakingHere(site, quake);
  let [x, y, z] = [0, 0, 0];
  for (const { arrivalMs: fromMs, riseS, swings } of phases) {
    const elapsedS = (timeUs / 1000 - fromMs) / 1000;
    if (elapsedS < 0) continue;
    const strengthMs2 = peakMs2 * envelopeAt(elapsedS / riseS);
    const along = (axis: number): number => {
      const swing = swings[axis];
      return swing === undefined ? 0 : strengthMs2 * swing.share * Math.sin(swing.radiansPerS * elapsedS + swing.turn);
    };
    x += along(0);
    y += along(1);
    z += along(2);
  }
  return [x, y, z];
}

function shakingHere(site: Site, quake: Quake): ShakingHere {
  const ofQuake = known.get(quake) ?? new WeakMap<Site, ShakingHere>();
  known.set(quake, ofQuake);
  const here = ofQuake.get(site);
  if (here !== undefined) return here;
  const distanceKm = hypocentralDistanceKm(site.position, quake);
  const riseS = strongMotionRiseS(quake.magnitude, distanceKm);
  const computed: ShakingHere = {
    peakMs2: peakAccelerationMs2(quake.magnitude, distanceKm),
    phases: PHASES.map((phase) => ({
      arrivalMs: arrivalMs(distanceKm, quake, phase.speedKmS),
      riseS: riseS * phase.riseFactor,
      swings: phase.share.map((share, axis) => swingOf(site.index, quake, phase, axis, share)),
    })),
  };
  ofQuake.set(site, computed);
  return computed;
}

/** Shaking lasts longer for a larger rupture, and spreads out on its way. */
function strongMotionRiseS(magnitude: number, distanceKm: number): number {
  return (0.6 + 0.02 * distanceKm) * 10 ** (0.3 * (magnitude - 5));
}

/** 0 at the onset, 1 after one rise time, then dying away exponentially. */
function envelopeAt(rises: number): number {
  return rises * Math.exp(1 - rises);
}

function swingOf(site: number, quake: Quake, phase: Phase, axis: number, share: number): Swing {
  const hertz = betweenAt(phase.lowestHz, phase.highestHz, quake.seed, site, phase.id, axis, 1);
  const turn = betweenAt(0, 1, quake.seed, site, phase.id, axis, 2);
  return { radiansPerS: 2 * Math.PI * hertz, turn: 2 * Math.PI * turn, share };
}
