import type { RunPack } from '../../core/detection/detection-run.ts';
import type { Rule } from '../../core/detection/rule.ts';
import { createInterrupt } from '../options/interrupt.ts';
import { openProgress } from '../output/progress.ts';
import { tellAside, tellResult, type OutputOptions } from '../output/tell.ts';
import { readRules } from '../rules/rules-file.ts';
import { withStores } from '../stores/with-stores.ts';
import { checkPeriod, type BacktestOptions } from './backtest-options.ts';
import { readHistory, readWorld } from './read-history.ts';
import { formatDryRun, runRules } from './run-rules.ts';

const INTERRUPTED = 130;

/** Runs rules over what is stored. */
export async function backtest(options: BacktestOptions): Promise<void> {
  checkPeriod(options);
  await runOverHistory(readRules(options.rule), { fromUs: options.from, toUs: options.to }, options);
}

export async function runOverHistory(
  rules: readonly Rule[],
  period: { readonly fromUs: number; readonly toUs: number },
  options: OutputOptions,
): Promise<void> {
  const interrupt = createInterrupt();
  await withStores(async ({ database }) => {
    const { devices, areas, withoutPosition } = await readWorld(database);
    const metrics = [
      ...new Set(rules.flatMap((rule) => ('scope' in rule && 'metrics' in rule.scope ? rule.scope.metrics : []))),
    ];
    const hasFences = rules.some(({ kind }) => kind === 'geofence');
    const packs = readHistory(database, period, metrics, hasFences);
    using progress = openProgress('seconds', Math.round((period.toUs - period.fromUs) / 1e6));
    const onPack = ({ arrivedUs }: RunPack): Promise<void> =>
      progress.advance(Math.round((arrivedUs - period.fromUs) / 1e6));
    const result = await runRules({ rules, devices, areas, packs, toUs: period.toUs }, { interrupt, onPack });
    progress[Symbol.dispose]();
    if (result === undefined) {
      process.exitCode = INTERRUPTED;
      return;
    }
    tellResult(options, result, formatDryRun(result));
    if (options.json === true) return;
    if (result.readings === 0) {
      tellAside('No reading of the metrics of these rules came in this time.');
    }
    if (withoutPosition > 0 && rules.some(({ kind }) => kind === 'quorum')) {
      tellAside(`${withoutPosition} devices have no position, and no vote in a quorum.`);
    }
  });
}
