import { DetectionRun, type RunTransition } from '../../../core/detection/detection-run.ts';
import type { NumericReading } from '../../../core/detection/reading-evaluation.ts';
import type { Rule } from '../../../core/detection/rule.ts';
import { hypocentralDistanceKm, peakAccelerationMs2 } from '../../../firmware-sim/ground-motion/attenuation.ts';
import type { Quake } from '../../../firmware-sim/ground-motion/quake.ts';
import { arrivalMs, P_SPEED_KM_S, type Site } from '../../../firmware-sim/ground-motion/shaking.ts';
import { ACCELERATION_METRICS } from '../../../firmware-sim/pack.ts';
import type { FieldScenario } from '../../../firmware-sim/scenarios/field/field-scenario.ts';

export const SAMPLE_US = 20_000;
const SAMPLES_PER_PACK = 25;
const PACK_US = SAMPLE_US * SAMPLES_PER_PACK;
const FOURTH = 3;

interface Sent {
  readonly site: Site;
  /** True time of its last sample. */
  readonly sentUs: number;
  readonly arrivedUs: number;
}

/** All that a scenario makes the rules say, in virtual time. */
export function runFieldScenario(
  scenario: FieldScenario,
  sites: readonly Site[],
  rules: readonly Rule[],
  startUs: number,
  durationS: number,
): readonly RunTransition[] {
  const run = new DetectionRun(
    rules,
    sites.map(({ index, position }) => ({
      device: nameOf(index),
      site: `site-${index}`,
      owner: scenario.ownerAt(index),
      position,
      zones: [],
      tags: [],
      status: 'Actual' as const,
    })),
  );
  const sent = sites.flatMap((site) => sendingsOf(site, scenario, sites.length, startUs, durationS));
  return sent
    .sort((a, b) => a.arrivedUs - b.arrivedUs)
    .flatMap(({ site, sentUs, arrivedUs }) =>
      run.receive({ device: nameOf(site.index), arrivedUs, readings: readingsOf(site, sentUs, scenario) }),
    );
}

const nameOf = (index: number): string => `dev-${index}`;

/** Devices take turns within the time of a pack. */
function sendingsOf(site: Site, scenario: FieldScenario, sites: number, startUs: number, durationS: number): Sent[] {
  const firstUs = startUs + PACK_US + Math.round((site.index * PACK_US) / sites);
  return Array.from(
    { length: Math.floor((durationS * 1e6) / PACK_US) },
    (_, number) => firstUs + number * PACK_US,
  ).flatMap((sentUs) => {
    const arrivedUs = scenario.arrivalUs(site.index, sentUs);
    return arrivedUs === undefined ? [] : [{ site, sentUs, arrivedUs: Math.round(arrivedUs) }];
  });
}

function readingsOf(site: Site, sentUs: number, scenario: FieldScenario): readonly NumericReading[] {
  const { clockErrorUs } = scenario.sensorAt(site.index);
  const device = nameOf(site.index);
  const readings: NumericReading[] = [];
  for (let index = 0; index < SAMPLES_PER_PACK; index += 1) {
    const trueUs = sentUs - (SAMPLES_PER_PACK - 1 - index) * SAMPLE_US;
    const acceleration = scenario.accelerationAt(site, trueUs);
    for (const [axis, metric] of ACCELERATION_METRICS.entries()) {
      readings.push({ device, metric, timeUs: trueUs + clockErrorUs, value: acceleration[axis] ?? 0 });
    }
  }
  return readings;
}

export interface Reached {
  /** When the P wave is at the fourth device that no other quake has shaken before, Unix microseconds. */
  readonly fourthUs: number;
  /** Peak ground acceleration there. */
  readonly fourthPeakMs2: number;
}

/** Undefined when it does not reach four devices first. */
export function reachOf(quake: Quake, quakes: readonly Quake[], sites: readonly Site[]): Reached | undefined {
  const arrivalAt = (site: Site, one: Quake): number =>
    arrivalMs(hypocentralDistanceKm(site.position, one), one, P_SPEED_KM_S) * 1000;
  const fourth = sites
    .map((site) => ({ site, arrivalUs: arrivalAt(site, quake) }))
    .filter(({ site, arrivalUs }) => quakes.every((other) => other === quake || arrivalAt(site, other) > arrivalUs))
    .sort((a, b) => a.arrivalUs - b.arrivalUs)[FOURTH];
  if (fourth === undefined) return undefined;
  return {
    fourthUs: fourth.arrivalUs,
    fourthPeakMs2: peakAccelerationMs2(quake.magnitude, hypocentralDistanceKm(fourth.site.position, quake)),
  };
}
