import type { FleetDevice } from '../fleet/fleet-device.ts';
import { ACCELERATION_METRICS } from '../pack.ts';
import type { PackSource } from '../pack-source.ts';
import { ReplaySource } from '../replay/replay-source.ts';
import type { RecordingSurvey } from '../replay/survey-recording.ts';
import { createCalm } from '../scenarios/calm.ts';
import { createFieldScenario } from '../scenarios/field/field-scenario.ts';
import { createQuakes } from '../scenarios/quake.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { ScenarioSource } from '../scenarios/scenario-source.ts';
import type { RunOptions } from './option-values.ts';

const DEFAULT_DURATION_S = 30;
/** What happens, happens within this time of a run without an end. */
const FIELD_DURATION_S = 60;

export function createScenarioSource(
  options: RunOptions,
  devices: readonly FleetDevice[],
  startUs: number,
): PackSource {
  const sites = devices.map(({ lat, lon }, index) => ({ index, position: { lat, lon } }));
  const { scenario: name, rate, seed, duration: durationS = DEFAULT_DURATION_S } = options;
  const plan = { sites, startUs, rate, samplesPerPack: samplesPerPack(options), durationS };
  if (name === 'calm') return new ScenarioSource({ ...plan, scenario: createCalm(seed) });
  if (name === 'quake') return new ScenarioSource({ ...plan, scenario: createSchedule(options, devices, startUs) });
  const sampleUs = Math.round(1e6 / rate / plan.samplesPerPack);
  const scenario = createFieldScenario(name, {
    ...{ seed, sites, startUs, sampleUs },
    durationS: durationS === 0 ? FIELD_DURATION_S : durationS,
  });
  return new ScenarioSource({ ...plan, scenario, conditions: scenario });
}

export function createReplaySource(
  options: RunOptions,
  path: string,
  survey: RecordingSurvey,
  startUs: number,
): PackSource {
  const { speed = 1, duration: durationS = 0 } = options;
  return new ReplaySource({ path, survey, recordedIds: [...survey.deviceIds].sort(), startUs, speed, durationS });
}

/** As many as the readings of a pack need, three axes each. */
function samplesPerPack({ pack, samples }: RunOptions): number {
  return pack === undefined ? samples : Math.ceil(pack / ACCELERATION_METRICS.length);
}

function createSchedule(options: RunOptions, sites: readonly FleetDevice[], startUs: number): Scenario {
  return createQuakes({
    ...{ seed: options.seed, sites },
    firstMs: Math.round(startUs / 1000 + options.quakeAfter * 1000),
    everyMs: options.quakeEvery * 1000,
  });
}
