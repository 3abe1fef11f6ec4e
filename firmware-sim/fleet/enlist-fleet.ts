import { join } from 'node:path';
import { surveyRecording, type RecordingSurvey } from '../replay/survey-recording.ts';
import { openFleet, type Fleet } from './fleet.ts';
import type { FleetDevice } from './fleet-device.ts';
import { placeReplayFleet } from './place-replay-fleet.ts';
import { placeScenarioFleet } from './place-scenario-fleet.ts';

export interface EnlistedFleet<Survey> {
  readonly fleet: Fleet;
  readonly devices: readonly FleetDevice[];
  readonly survey: Survey;
}

/** Opens the fleet of the scenarios, with at least so many devices. The caller closes the fleet. */
export function enlistScenarioFleet(folder: string, deviceCount: number, seed: number): EnlistedFleet<undefined> {
  const fleet = openFleet(join(folder, 'sim.json'));
  return { fleet, devices: fleet.enlist(placeScenarioFleet(deviceCount, seed)), survey: undefined };
}

/** Opens the fleet of the recordings, with at least the devices of this one. The caller closes the fleet. */
export async function enlistReplayFleet(folder: string, path: string): Promise<EnlistedFleet<RecordingSurvey>> {
  const survey = await surveyRecording(path);
  const placements = placeReplayFleet(path, survey.deviceIds);
  const fleet = openFleet(join(folder, 'openeew.json'));
  return { fleet, devices: fleet.enlist(placements), survey };
}
