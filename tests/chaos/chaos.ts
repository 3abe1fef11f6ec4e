import { openBenchFolder } from '../../scripts/bench/bench-folder.ts';
import { parseStackSettings } from '../../scripts/dev-stack/settings.ts';
import { runMain } from '../../scripts/process/failure.ts';
import { openGuard } from '../../scripts/process/guard.ts';
import { createStopRequest } from '../../scripts/process/stop-request.ts';
import { uniformAt } from '../../firmware-sim/random.ts';
import { parseChaosOptions } from './chaos-options.ts';
import { formatFault, formatHeader, isProven, reportChaos, type FaultReport } from './chaos-report.ts';
import { formatFailover, isFailoverSafe, measureFailover } from './failover/measure-failover.ts';
import { cutPower, formatPowerCut } from './power-cut/cut-power.ts';
import type { Fault } from './faults/fault.ts';
import { FAULTS, KILLS } from './faults/faults.ts';
import { DURATIONS, Matrix, QUICK_DURATIONS } from './run-matrix.ts';

const PAIRS = 8;
const INTERRUPTED = 130;

/** Breaks a platform under load and counts what was lost. Only the result goes to standard output. */
await runMain(async () => {
  const options = parseChaosOptions(process.argv);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  let drawn = 0;
  const random = () => uniformAt(options.seed, (drawn += 1));
  await using guard = openGuard();
  await using folder = await openBenchFolder(settings.TELLTALE_DEV_DIR);
  const durations = options.quick ? QUICK_DURATIONS : DURATIONS;
  const context = { guard, folder: folder.path, stop, say: console.error };
  if (options.powerCut !== undefined) {
    const cut = await cutPower({ fsync: options.powerCut, isQuick: options.quick }, random, context);
    console.log(options.json ? JSON.stringify(cut) : formatPowerCut(cut));
    return cut.acknowledged > 0 && (cut.fsync !== 'always' || cut.lost === 0) ? 0 : 1;
  }
  if (options.failover !== undefined) {
    const failover = await measureFailover(options.failover, random, context);
    console.log(options.json ? JSON.stringify(failover) : formatFailover(failover));
    return isFailoverSafe(failover) ? 0 : 1;
  }
  const cluster = options.cluster ? { waitReplicas: 1 } : undefined;
  await using matrix = await Matrix.open({ durations, random, embedded: options.embedded, cluster }, context);

  const skipped: Record<string, string> = {};
  const wanted = (options.embedded ? KILLS : FAULTS).filter(({ name }) => options.only?.includes(name) ?? true);
  const possible = wanted.filter((fault) => {
    const reason = matrix.impossible(fault);
    if (reason !== undefined) skipped[fault.name] = reason;
    return reason === undefined;
  });
  const alone = options.only === undefined ? possible.map((fault) => [fault]) : [possible];
  const pairs = options.quick || options.embedded || options.only !== undefined ? [] : choosePairs(possible, random);
  const reports: FaultReport[] = [];
  console.error(formatHeader());
  for (const faults of [...alone, ...pairs]) {
    if (stop.aborted) return INTERRUPTED;
    const report = await matrix.run(faults);
    reports.push(report);
    console.error(formatFault(report));
  }
  const problems = await matrix.finish();
  for (const problem of problems) console.error(`Problem: ${problem}.`);
  const report = reportChaos(reports, options.seed, skipped, problems);
  for (const [fault, reason] of Object.entries(skipped)) console.error(`not staged: ${fault}: ${reason}`);
  console.log(options.json ? JSON.stringify(report) : [formatHeader(), ...reports.map(formatFault)].join('\n'));
  return isProven(report) ? 0 : 1;
});

/** Pairs that have nothing in common, each another one. */
function choosePairs(faults: readonly Fault[], random: () => number): Fault[][] {
  const pairs = faults.flatMap((first, index) =>
    faults
      .slice(index + 1)
      .filter((second) => !first.touches.some((member) => second.touches.includes(member)))
      .map((second) => [first, second]),
  );
  return pairs
    .map((pair) => ({ pair, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, PAIRS)
    .map(({ pair }) => pair);
}
