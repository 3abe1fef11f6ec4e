import { join } from 'node:path';
import type { AttackChoice } from '../attack/attack-kind.ts';
import { placeAttackedFleet } from '../attack/place-attacked-fleet.ts';
import { planAttackers, type PlannedAttacker } from '../attack/plan-attackers.ts';
import { surveyRecording, type RecordingSurvey } from '../replay/survey-recording.ts';
import { hasLiars } from '../scenarios/field/field-scenario.ts';
import { liarSites } from '../scenarios/field/liars.ts';
import type { Placement } from './create-device.ts';
import { openFleet, type Fleet } from './fleet.ts';
import type { FleetDevice } from './fleet-device.ts';
import { placeReplayFleet } from './place-replay-fleet.ts';
import { placeScenarioFleet } from './place-scenario-fleet.ts';

export interface EnlistedFleet<Survey> {
  readonly fleet: Fleet;
  readonly devices: readonly FleetDevice[];
  /** One for each attacker. */
  readonly attackers: readonly PlannedAttacker[];
  readonly reserved: readonly FleetDevice[];
  readonly survey: Survey;
}

interface ScenarioEnlistment {
  readonly folder: string;
  readonly deviceCount: number;
  readonly seed: number;
  /** By its name, which decides whose the devices are. */
  readonly scenario: string;
  readonly attack: AttackChoice;
}

interface ReplayEnlistment {
  readonly folder: string;
  /** Of the recording. */
  readonly path: string;
  readonly attack: AttackChoice;
}

/** Opens the fleet of the scenarios, with at least so many devices. The caller closes the fleet. */
export function enlistScenarioFleet({
  folder,
  deviceCount,
  seed,
  scenario,
  attack,
}: ScenarioEnlistment): EnlistedFleet<undefined> {
  const fleet = openFleet(join(folder, 'sim.json'));
  const liars = hasLiars(scenario) ? liarSites(seed, deviceCount) : undefined;
  return { fleet, ...enlist(fleet, placeScenarioFleet(deviceCount, seed, liars), attack), survey: undefined };
}

/** Opens the fleet of the recordings, with at least the devices of this one. The caller closes the fleet. */
export async function enlistReplayFleet({
  folder,
  path,
  attack,
}: ReplayEnlistment): Promise<EnlistedFleet<RecordingSurvey>> {
  const survey = await surveyRecording(path);
  const placements = placeReplayFleet(path, survey.deviceIds);
  const fleet = openFleet(join(folder, 'openeew.json'));
  return { fleet, ...enlist(fleet, placements, attack), survey };
}

function enlist(fleet: Fleet, placements: readonly Placement[], attack: AttackChoice) {
  const attackers = planAttackers(attack, placements.length);
  const enlisted = fleet.enlist([...placements, ...placeAttackedFleet(attackers)]);
  return {
    devices: enlisted.slice(0, placements.length),
    attackers,
    reserved: enlisted.slice(placements.length),
  };
}
