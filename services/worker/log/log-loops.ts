import { Cluster } from 'ioredis';
import { heldShards } from '../lease/leased-pass.ts';
import type { WorkerContext, WorkerLoop } from '../worker-context.ts';
import { LogKeeper } from './log-keeper.ts';
import { LogTrimmer } from './log-trimmer.ts';
import { LossWatch } from './loss-watch.ts';

const KEEP_EVERY_MS = 1000;
const TRIM_EVERY_MS = 1000;
const TRIM_ALERTS_EVERY_MS = 10_000;
/** What devices were acknowledged since the last look is not in the number of what was lost. */
const WATCH_EVERY_MS = 250;

/** What looks after the logs: that they are there, do not grow without end, and are not lost unnoticed. */
export async function startLogLoops({
  redis,
  databases,
  metrics,
  log,
  leases,
  shards,
  config,
}: WorkerContext): Promise<readonly WorkerLoop[]> {
  const keeper = new LogKeeper(redis, databases.write, shards.length, log);
  const trimmer = new LogTrimmer(redis, metrics);
  const losses = new LossWatch(redis, { metrics, log });
  // A node of a cluster that is away keeps nothing else from starting: the loop goes on with it.
  await keeper.check().catch((error: unknown) => {
    if (!(redis instanceof Cluster)) throw error;
    log.warn({ err: error }, 'not every log could be looked at');
  });
  return [
    { name: 'log', pauseMs: KEEP_EVERY_MS, pass: () => keeper.check() },
    { name: 'trim log', pauseMs: TRIM_EVERY_MS, pass: () => trimmer.trim(heldShards(leases, shards).keys()) },
    {
      name: 'trim alerts',
      pauseMs: TRIM_ALERTS_EVERY_MS,
      pass: () => trimmer.trimAlerts(config.TELLTALE_WORKER_ALERTS_KEEP_S * 1000),
    },
    { name: 'watch logs', pauseMs: WATCH_EVERY_MS, pass: () => losses.look(heldShards(leases, shards).keys()) },
    { name: 'correct lags', pauseMs: TRIM_EVERY_MS, pass: () => trimmer.correctOthers() },
  ];
}
