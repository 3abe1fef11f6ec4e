import type { FleetDevice } from '../fleet/fleet-device.ts';
import { ACCELERATION_METRICS } from '../pack.ts';
import type { PackSource } from '../pack-source.ts';
import { ReplaySource } from '../replay/replay-source.ts';
import type { RecordingSurvey } from '../replay/survey-recording.ts';
import { createCalm } from '../scenarios/calm.ts';
import { createQuakes } from '../scenarios/quake.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { ScenarioSource } from '../scenarios/scenario-source.ts';
import type { RunOptions } from './option-values.ts';

const DEFAULT_DURATION_S = 30;

export function createScenarioSource(
  options: RunOptions,
  devices: readonly FleetDevice[],
  startUs: number,
): PackSource {
  const sites = devices.map(({ lat, lon }, index) => ({ index, position: { lat, lon } }));
  return new ScenarioSource({
    ...{ sites, startUs, rate: options.rate, samplesPerPack: samplesPerPack(options) },
    scenario: createScenario(options, devices, startUs),
    durationS: options.duration ?? DEFAULT_DURATION_S,
  });
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

function createScenario(options: RunOptions, sites: readonly FleetDevice[], startUs: number): Scenario {
  switch (options.scenario) {
    case 'calm':
      return createCalm(options.seed);
    case 'quake':
      return createQuakes({
        ...{ seed: options.seed, sites },
        firstMs: Math.round(startUs / 1000 + options.quakeAfter * 1000),
        everyMs: options.quakeEvery * 1000,
      });
  }
}
