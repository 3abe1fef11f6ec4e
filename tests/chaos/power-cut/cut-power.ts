import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { compareReadings } from '../audit/compare-readings.ts';
import { Matrix } from '../run-matrix.ts';
import type { Fsync } from '../../../scripts/dev-stack/start-redis.ts';
import { SyncedFiles } from './synced-files.ts';

/** The last line of `npm run chaos -- --power-cut <fsync> --json`. Readings. */
export interface PowerCutReport {
  readonly fsync: Fsync;
  readonly acknowledged: number;
  readonly stored: number;
  readonly lost: number;
  /** From the oldest lost reading to the cut. */
  readonly lost_s: number;
  /** Of Redis' append-only file. */
  readonly unsynced_bytes: number;
}

/** Devices send for so long before the cut. */
const BEFORE_MS = 8000;
const QUICK_BEFORE_MS = 2000;

/** Acknowledged readings that a power cut takes from Redis while nothing is being stored: the most that can be lost. */
export async function cutPower(
  { fsync, isQuick }: { readonly fsync: Fsync; readonly isQuick: boolean },
  random: () => number,
  context: BenchContext,
): Promise<PowerCutReport> {
  const files = new SyncedFiles(context.folder);
  const redis = { fsync, environment: files.environment };
  await using matrix = await Matrix.open({ random, redis }, context);
  const { stack, load } = matrix;
  for (const name of ['worker', 'worker-2'] as const) await stack.member(name).freeze();
  const path = await findAppendOnlyFile(context.folder);
  const { size: before } = await stat(path);
  load.start();
  await delay((isQuick ? QUICK_BEFORE_MS : BEFORE_MS) + random() * 1000);
  const cutUs = Date.now() * 1000;
  await stack.member('redis').kill9();
  const unsynced = await files.cut(path, before);
  await stack.member('redis').start();
  for (const name of ['worker', 'worker-2'] as const) stack.member(name).resume();
  await load.stop();
  const problems = await matrix.drain();
  if (problems.length > 0) throw new Error(problems.join('; '));
  const verdict = await compareReadings(stack.databaseUrl, load.ledger.readings);
  const { acknowledged, stored, lost, oldestLostUs } = verdict;
  return {
    ...{ fsync, acknowledged, stored, lost, unsynced_bytes: unsynced },
    lost_s: oldestLostUs === null ? 0 : Math.round((cutUs - oldestLostUs) / 1e4) / 100,
  };
}

async function findAppendOnlyFile(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true });
  const file = files.find((path) => path.endsWith('.incr.aof'));
  if (file === undefined) throw new Error('Redis has no append-only file');
  return await realpath(join(folder, file));
}

export function formatPowerCut({ fsync, acknowledged, lost, lost_s: lostS }: PowerCutReport): string {
  return `appendfsync ${fsync}: ${lost} of ${acknowledged} acknowledged readings lost, those of the last ${lostS} s`;
}
