import { setMaxListeners } from 'node:events';
import { AttackTally } from '../../../firmware-sim/attack/attack-tally.ts';
import { enlistScenarioFleet, type EnlistedFleet } from '../../../firmware-sim/fleet/enlist-fleet.ts';
import { explainFailure, formatSummary } from '../../../firmware-sim/report/format-summary.ts';
import type { RunSummary } from '../../../firmware-sim/report/summary.ts';
import { Tally } from '../../../firmware-sim/report/tally.ts';
import { runFleet } from '../../../firmware-sim/run-fleet.ts';
import { createCalm } from '../../../firmware-sim/scenarios/calm.ts';
import { ScenarioSource } from '../../../firmware-sim/scenarios/scenario-source.ts';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import type { IngestStressOptions } from '../stress-options.ts';
import { withTarget } from './with-target.ts';

export interface StressOutcome {
  readonly summary: RunSummary;
  /** The summary for a person. */
  readonly text: string;
  readonly problem: string | undefined;
}

/** Packs a second of each sensor: far below its limit, so that every refusal of an honest one is a defect. */
const RATE = 2;
const SAMPLES_PER_PACK = 5;
const SEED = 1;
const DRAIN_S = 30;

/** Honest sensors and a mix of attackers, against a platform of its own or the one at the given address. */
export async function stressIngest(options: IngestStressOptions, context: BenchContext): Promise<StressOutcome> {
  const folder = options.url === undefined ? context.folder : options.fleet;
  const enlisted = enlistScenarioFleet({
    folder,
    deviceCount: options.sensors,
    seed: SEED,
    scenario: 'calm',
    attack: 'mix',
  });
  using _fleet = enlisted.fleet;
  const devices = [...enlisted.devices, ...enlisted.reserved];
  return await withTarget(options.url, devices, context, (url) => sendTo(url, enlisted, options.seconds, context));
}

async function sendTo(
  url: URL,
  { fleet, devices, attackers, reserved }: EnlistedFleet<undefined>,
  seconds: number,
  { say, stop }: BenchContext,
): Promise<StressOutcome> {
  say(`${devices.length} sensors and ${attackers.length} attackers send for ${seconds} s to ${url.origin}`);
  const abandon = new AbortController();
  // Each waiting device listens to it.
  setMaxListeners(0, abandon.signal, stop);
  const [tally, attackTally] = [new Tally(undefined), new AttackTally()];
  const source = new ScenarioSource({
    scenario: createCalm(SEED),
    sites: devices.map(({ lat, lon }, index) => ({ index, position: { lat, lon } })),
    startUs: Date.now() * 1000,
    rate: RATE,
    samplesPerPack: SAMPLES_PER_PACK,
    durationS: seconds,
  });
  const summary = await runFleet({
    ...{ fleet, devices, attackers, reserved, source, tally, attackTally, drainS: DRAIN_S },
    route: { transport: 'http', url, mqttUrl: url },
    encoding: 'http-signature',
    output: process.stderr,
    stop,
    abandon,
  });
  const problem = explainFailure(summary, { tally, attackTally, url });
  return { summary, text: formatSummary(summary).trimEnd(), problem };
}
