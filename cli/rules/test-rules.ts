import type { RunPack } from '../../core/detection/detection-run.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { runOverHistory } from '../backtest/backtest.ts';
import { checkPeriod } from '../backtest/backtest-options.ts';
import { readWorld, type StoredWorld } from '../backtest/read-history.ts';
import { parseReadingsFile, strangersOf } from '../backtest/readings-file.ts';
import { formatDryRun, runRules } from '../backtest/run-rules.ts';
import { createInterrupt } from '../options/interrupt.ts';
import { readTextFile } from '../options/read-text-file.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { lookForStores } from '../stores/find-stores.ts';
import { withStores } from '../stores/with-stores.ts';
import { readRules } from './rules-file.ts';

interface TestOptions extends OutputOptions {
  readonly from?: number;
  readonly to?: number;
  readonly readings?: string;
}

/** What rules would raise, over what is stored or over readings in a file. Nobody is alerted. */
export async function testRules(file: string, options: TestOptions): Promise<void> {
  const { from, to, readings } = options;
  const rules = readRules(file);
  if (readings === undefined && from !== undefined && to !== undefined) {
    checkPeriod({ from, to });
    await runOverHistory(rules, { fromUs: from, toUs: to }, options);
    return;
  }
  if (readings === undefined || from !== undefined || to !== undefined) {
    throw new UsageFailure('say over what: either --from <time> --to <time>, or --readings <file>');
  }
  const packs = parseReadingsFile(readTextFile(readings), readings);
  const run = { rules, ...(await worldOf(packs)), packs: inTurn(packs), toUs: undefined };
  const result = await runRules(run, { interrupt: createInterrupt(), onPack: () => Promise.resolve() });
  if (result !== undefined) tellResult(options, result, formatDryRun(result));
}

/** Devices that the registry does not know are of no zone and have no tags. */
async function worldOf(packs: readonly RunPack[]): Promise<Pick<StoredWorld, 'devices' | 'areas'>> {
  const strangers = strangersOf(packs);
  const { databaseUrl } = await lookForStores();
  if (databaseUrl === undefined) return { devices: strangers, areas: new Map() };
  const { devices, areas } = await withStores(({ database }) => readWorld(database));
  const known = new Map(devices.map((each) => [each.device, each]));
  return { devices: strangers.map((stranger) => known.get(stranger.device) ?? stranger), areas };
}

async function* inTurn(packs: readonly RunPack[]): AsyncGenerator<RunPack> {
  for (const pack of packs) yield await Promise.resolve(pack);
}
