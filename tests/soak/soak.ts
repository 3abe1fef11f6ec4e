import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { openBenchFolder } from '../../scripts/bench/bench-folder.ts';
import { parseStackSettings } from '../../scripts/dev-stack/settings.ts';
import { CommandFailure, runMain } from '../../scripts/process/failure.ts';
import { openGuard } from '../../scripts/process/guard.ts';
import { createStopRequest } from '../../scripts/process/stop-request.ts';
import { countBacklog } from '../chaos/audit/backlog.ts';
import { Matrix } from '../chaos/run-matrix.ts';
import { InspectedProcess, type ProcessFigures } from './inspected-process.ts';
import { judgeProcess, reportProcess, type SoakReport } from './soak-report.ts';

const SHARD_COUNT = 16;
const WARM_UP_MS = 15_000;
const MEASURE_MS = 10_000;
const LOOK_EVERY_MS = 10_000;
/** So many seconds of the load may wait to be stored. */
const MOST_BACKLOG_S = 5;
const INSPECTED = ['ingest', 'worker', 'worker-2', 'broadcaster'] as const;
/** A few devices stand for many. */
const WITHOUT_LIMITS = { TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000', TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: '100000' };
const INTERRUPTED = 130;

function parseOptions(argv: readonly string[]): { readonly minutes: number; readonly json: boolean } {
  const command = new Command('npm run soak --')
    .description('Half of what this machine can do, for long: does anything grow?')
    .option('--minutes <n>', 'how long (default: 10)', '10')
    .addOption(new Option('--json', 'the last line of the output is the result as JSON'));
  command.parse(argv);
  const { minutes, json } = command.opts<{ minutes: string; json?: boolean }>();
  if (!/^[1-9][0-9]{0,3}$/.test(minutes)) throw new CommandFailure('--minutes must be a whole number from 1 to 9999');
  return { minutes: Number(minutes), json: json === true };
}

/** Loads a platform with half of what it can do and looks into its processes. Only the result goes to standard output. */
await runMain(async () => {
  const { minutes, json } = parseOptions(process.argv);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  await using guard = openGuard();
  await using folder = await openBenchFolder(settings.TELLTALE_DEV_DIR);
  const context = { guard, folder: folder.path, stop, say: console.error };
  await using matrix = await Matrix.open(
    { random: Math.random, inspect: true, audited: false, ingest: WITHOUT_LIMITS },
    context,
  );
  const { stack, load } = matrix;

  console.error('measuring what this machine can do with all of it');
  load.startEager();
  await delay(WARM_UP_MS);
  const before = load.ledger.packs;
  await delay(MEASURE_MS);
  const after = load.ledger.packs;
  await load.stop();
  await matrix.drain();

  // Of each device: one that publishes waits longer for its receipt than one that posts for its reply.
  const halfRates = new Map(
    [...after].map(([device, packs]) => [device, ((packs - (before.get(device) ?? 0)) * 500) / MEASURE_MS]),
  );
  const packsPerS = sum(halfRates.values());
  console.error(`${Math.round(2 * packsPerS)} packs/s; half of it for ${minutes} minutes`);
  const inspected = new Map<string, InspectedProcess>();
  for (const name of INSPECTED) inspected.set(name, await InspectedProcess.connect(stack.inspectorPort(name)));
  using _inspectors = disposing([...inspected.values()]);
  const series = new Map<string, ProcessFigures[]>(INSPECTED.map((name) => [name, []]));
  let highestBacklog = 0;
  load.startPaced(halfRates);
  const startedMs = performance.now();
  const packsBefore = sum(load.ledger.packs.values());
  while (performance.now() - startedMs < minutes * 60_000 && !stop.aborted) {
    await delay(LOOK_EVERY_MS);
    for (const [name, process] of inspected) series.get(name)?.push(await process.measure());
    const backlog = await stack.withRedis((redis) => countBacklog(redis, SHARD_COUNT));
    highestBacklog = Math.max(highestBacklog, backlog);
  }
  const acknowledged = sum(load.ledger.packs.values()) - packsBefore;
  const tookS = (performance.now() - startedMs) / 1000;
  await load.stop();
  const unfinished = await matrix.drain();
  if (stop.aborted) return INTERRUPTED;

  const processes = Object.fromEntries([...series].map(([name, looks]) => [name, reportProcess(looks)]));
  const expected = Math.round(packsPerS * tookS);
  const report: SoakReport = {
    minutes,
    machine_per_s: Math.round(2 * packsPerS),
    packs_per_s: Math.round(packsPerS),
    acknowledged,
    highest_backlog: highestBacklog,
    processes,
    problems: [
      ...Object.entries(processes).flatMap(([name, process]) => judgeProcess(name, process)),
      ...(acknowledged < 0.98 * expected ? [`${acknowledged} packs acknowledged of ${expected} that were due`] : []),
      ...(highestBacklog > packsPerS * MOST_BACKLOG_S ? [`${highestBacklog} packs waited to be stored`] : []),
      ...unfinished,
      ...stack.takeProblems(),
    ],
  };
  for (const problem of report.problems) console.error(`Problem: ${problem}.`);
  console.log(json ? JSON.stringify(report) : formatReport(report));
  return report.problems.length === 0 ? 0 : 1;
});

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}

/** A process that somebody inspects does not end. */
function disposing(all: readonly Disposable[]): Disposable {
  return { [Symbol.dispose]: () => all.forEach((each) => each[Symbol.dispose]()) };
}

function formatReport({ minutes, packs_per_s: rate, highest_backlog: backlog, processes }: SoakReport): string {
  const rows = Object.entries(processes).map(
    ([name, { heap_second_quarter: before, heap_last_quarter: after, growth }]) => {
      const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
      return `${name.padEnd(12)} ${mb(before)} MB in the second quarter, ${mb(after)} MB in the last: ${growth}`;
    },
  );
  return [`${rate} packs/s for ${minutes} minutes, at most ${backlog} packs waiting to be stored`, ...rows].join('\n');
}
