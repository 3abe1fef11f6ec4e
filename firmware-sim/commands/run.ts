import { AttackTally } from '../attack/attack-tally.ts';
import { enlistReplayFleet, enlistScenarioFleet } from '../fleet/enlist-fleet.ts';
import { explainFailure, formatSummary } from '../report/format-summary.ts';
import { openLedger } from '../report/ledger.ts';
import { isSuccess } from '../report/summary.ts';
import { Tally } from '../report/tally.ts';
import { runFleet } from '../run-fleet.ts';
import { listenForStop } from '../stop-requests.ts';
import { createReplaySource, createScenarioSource } from './create-source.ts';
import type { RunOptions } from './option-values.ts';

/** Answers the exit code: 0 only when everything that was measured was acknowledged, and nothing else. */
export async function runSimulation(options: RunOptions): Promise<number> {
  const {
    url,
    replay,
    replyTimeout: replyTimeoutS,
    drain: drainS,
    fleet: folder,
    seed,
    attack,
    devices: deviceCount,
  } = options;
  const stopRequests = listenForStop();
  const { fleet, devices, attackers, reserved, survey } =
    replay === undefined
      ? enlistScenarioFleet({ folder, deviceCount, seed, scenario: options.scenario, attack })
      : await enlistReplayFleet({ folder, path: replay, attack });
  try {
    const ledger = options.ledger === undefined ? undefined : await openLedger(options.ledger);
    const startUs = nowUs();
    const source =
      replay === undefined || survey === undefined
        ? createScenarioSource(options, devices, startUs)
        : createReplaySource(options, replay, survey, startUs);
    const tally = new Tally(ledger);
    const attackTally = new AttackTally();
    const summary = await runFleet({
      ...{ fleet, devices, attackers, reserved, source, tally, attackTally, drainS, output: process.stdout },
      route: { url, transport: options.transport, mqttUrl: options.mqttUrl, replyTimeoutMs: replyTimeoutS * 1000 },
      encoding: options.encoding,
      packReadings: options.pack,
      ...{ stop: stopRequests.stop, abandon: stopRequests.abandon },
    });
    await ledger?.[Symbol.asyncDispose]();
    const problem = explainFailure(summary, { tally, attackTally, url });
    if (problem !== undefined) process.stderr.write(`firmware-sim: ${problem}\n`);
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : formatSummary(summary));
    return isSuccess(summary) ? 0 : 1;
  } finally {
    fleet[Symbol.dispose]();
    stopRequests[Symbol.dispose]();
  }
}

/** Finer than a millisecond, so that two runs one after the other do not measure at the same microseconds. */
function nowUs(): number {
  return Date.now() * 1000 + (Math.floor(performance.now() * 1000) % 1000);
}
