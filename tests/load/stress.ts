import { parseStackSettings } from '../../scripts/dev-stack/settings.ts';
import { runMain } from '../../scripts/process/failure.ts';
import { openGuard } from '../../scripts/process/guard.ts';
import { createStopRequest } from '../../scripts/process/stop-request.ts';
import { openBenchFolder } from '../../scripts/bench/bench-folder.ts';
import type { BenchContext } from '../../scripts/bench/bench.ts';
import { isProven as isBroadcastProven, stressBroadcast } from './broadcast/stress-broadcast.ts';
import { isProven, reportStress } from './ingest/stress-report.ts';
import { stressIngest } from './ingest/stress-ingest.ts';
import { isProven as isReconnectProven, stressReconnect } from './reconnect/stress-reconnect.ts';
import {
  parseStressOptions,
  type BroadcastStressOptions,
  type IngestStressOptions,
  type ReconnectStressOptions,
  type StressOptions,
} from './stress-options.ts';

const INTERRUPTED = 130;

/** Puts a platform under honest and hostile load and accounts for every answer. Only the result goes to standard output. */
await runMain(async () => {
  const options = parseStressOptions(process.argv);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  await using guard = openGuard();
  await using folder = await openBenchFolder(settings.TELLTALE_DEV_DIR);
  try {
    const context = { guard, folder: folder.path, stop, say: console.error };
    const holds = await runPart(options, context);
    if (stop.aborted) return INTERRUPTED;
    return holds ? 0 : 1;
  } catch (error) {
    if (stop.aborted) return INTERRUPTED;
    throw error;
  }
});

async function runPart(options: StressOptions, context: BenchContext): Promise<boolean> {
  switch (options.part) {
    case 'ingest':
      return await runIngest(options, context);
    case 'broadcast':
      return await runBroadcast(options, context);
    case 'reconnect':
      return await runReconnect(options, context);
  }
}

async function runIngest(options: IngestStressOptions, context: BenchContext): Promise<boolean> {
  const outcome = await stressIngest(options, context);
  if (outcome.problem !== undefined) console.error(`Problem: ${outcome.problem}.`);
  const report = reportStress(outcome.summary);
  console.log(options.json ? JSON.stringify(report) : outcome.text);
  return isProven(report);
}

async function runBroadcast(options: BroadcastStressOptions, context: BenchContext): Promise<boolean> {
  const { clients, alerts, url: urls, token } = options;
  const report = await stressBroadcast({ clients, alerts, urls, token }, context);
  const { expected, delivered, doubled, p99_ms: p99Ms, longest_ms: longestMs } = report;
  const text =
    `${delivered} of ${expected} alerts were delivered to ${report.clients} clients, ${doubled} of them again; ` +
    `p99 ${p99Ms} ms, longest ${longestMs} ms`;
  console.log(options.json ? JSON.stringify(report) : text);
  return isBroadcastProven(report);
}

async function runReconnect({ clients, json }: ReconnectStressOptions, context: BenchContext): Promise<boolean> {
  const report = await stressReconnect(clients, context);
  const text =
    `after a restart ${report.back_after_restart} of ${clients} clients were back, the last after ${report.restart_s} s; ` +
    `after a kill ${report.back_after_kill}, after ${report.kill_s} s; ${report.gaps} gaps`;
  console.log(json ? JSON.stringify(report) : text);
  return isReconnectProven(report);
}
