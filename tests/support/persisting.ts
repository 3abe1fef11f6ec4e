import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { parseDeadLetter } from '../../contracts/dead-letter.ts';
import { consumerGroups, redisKeys } from '../../contracts/redis-keys.ts';
import { DeviceClocks } from '../../services/worker/clocks/device-clocks.ts';
import { MetricDirectory } from '../../services/worker/persist/metric-directory.ts';
import { createWorkerMetrics } from '../../services/worker/metrics.ts';
import { PackStore } from '../../services/worker/persist/pack-store.ts';
import { Partitions } from '../../services/worker/persist/partitions.ts';
import { PersistLoop, type PersistOptions } from '../../services/worker/persist/persist-loop.ts';
import { PositionsStore } from '../../services/worker/persist/positions-store.ts';
import { ReadingsStore } from '../../services/worker/persist/readings-store.ts';
import { StrayReports } from '../../services/worker/security/stray-reports.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { SHARD_COUNT, type WorkerStores } from './worker-stores.ts';
import { EVERY_SHARD } from './held.ts';

export function createReadingsStore(database: Pool): ReadingsStore {
  return new ReadingsStore(database, new MetricDirectory(database), new Partitions(database));
}

export interface Persisting {
  readonly loop: PersistLoop;
  readonly clocks: DeviceClocks;
  readonly metrics: Registry;
}

/** The persist loop of a worker of its own: nothing is shared with another one but the stores. */
export function createPersisting(
  stores: WorkerStores,
  options: Partial<PersistOptions> = {},
  database = stores.database,
): Persisting {
  const metrics = new Registry();
  const clocks = new DeviceClocks(database);
  const loop = new PersistLoop(
    { reader: stores.openRedis('test-persist'), redis: stores.redis },
    new PackStore({
      readings: createReadingsStore(database),
      positions: new PositionsStore(database, new Partitions(database)),
      strays: new StrayReports(stores.redis, stores.log),
      clocks,
    }),
    { readCount: 128, batchReadings: 10_000, batchMs: 0, ...options },
    { metrics: createWorkerMetrics(metrics), log: stores.log },
  );
  return { loop, clocks, metrics };
}

/** What ingest waits for before it admits anything: every shard has its stream and its group. */
export async function createPersistGroups(redis: Redis): Promise<void> {
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    await redis.xgroup('CREATE', redisKeys.readings(shard), consumerGroups.persist, '0', 'MKSTREAM');
  }
}

export interface Backlog {
  /** Read by a consumer and not acknowledged. */
  readonly unacknowledged: number;
  /** Not read yet. */
  readonly unread: number;
}

const groupsSchema = z.array(z.array(z.unknown()));

export async function readBacklog(redis: Redis): Promise<Backlog> {
  let unacknowledged = 0;
  let unread = 0;
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    for (const flat of groupsSchema.parse(await redis.xinfo('GROUPS', redisKeys.readings(shard)))) {
      const valueOf = (name: string): number => Number(flat[flat.indexOf(name) + 1]);
      unacknowledged += valueOf('pending');
      unread += valueOf('lag');
    }
  }
  return { unacknowledged, unread };
}

/** Passes until everything in the log is acknowledged. */
export async function persistAll(loop: PersistLoop, redis: Redis, maxPasses = 100): Promise<void> {
  for (let pass = 0; pass < maxPasses; pass += 1) {
    const { unacknowledged, unread } = await readBacklog(redis);
    if (unacknowledged + unread === 0) return;
    await loop.pass(EVERY_SHARD);
  }
  throw new Error(`the log is not empty after ${maxPasses} passes: ${JSON.stringify(await readBacklog(redis))}`);
}

export interface BuriedLetter extends ReturnType<typeof parseDeadLetter> {
  readonly shard: number;
}

export async function readDeadLetters(redis: Redis): Promise<readonly BuriedLetter[]> {
  const letters: BuriedLetter[] = [];
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    for (const [, flat] of await redis.xrange(redisKeys.deadLetters(shard), '-', '+')) {
      letters.push({ shard, ...parseDeadLetter(flat) });
    }
  }
  return letters;
}
