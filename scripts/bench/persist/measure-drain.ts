import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ADMITTED_PACK_FIELD, encodeAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { parseMetricName, type Reading } from '../../../core/telemetry/reading.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { readMetrics, sumMetric } from '../../dev-stack/read-metrics.ts';
import type { PrivateCluster } from '../../postgres/private-cluster.ts';
import type { BenchContext } from '../bench.ts';
import { beginLogs } from '../load/prepare-log.ts';
import { createBenchDatabase, dropBenchDatabase } from '../private-database.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { startPrivateService } from '../private-service.ts';

export interface DrainPlan {
  readonly devices: number;
  readonly readingsPerEntry: number;
  readonly entriesPerDevice: number;
  readonly shardCount: number;
}

export interface DrainMeasurement {
  readonly rows: number;
  /** In the table, and counted by its rollups. */
  readonly stored: number;
  readonly rolledUp: number;
  readonly rowsPerS: number;
  /** COPY of the same rows by the server from a file into a table without an index. */
  readonly copyPerS: number;
}

const POLL_MS = 50;
const ENTRIES_PER_PIPELINE = 1000;
/** So many rows a second are the least that is worth waiting for. */
const LEAST_PER_S = 500;
/** One alone differs by a third from the next. */
const COPIES = 5;
const SECOND_US = 1_000_000;

/** Fills the log, has one worker process empty it into a database of its own, copies what is there then, and drops it. */
export async function measureDrain(
  plan: DrainPlan,
  cluster: PrivateCluster,
  { folder, guard, stop, say }: BenchContext,
): Promise<DrainMeasurement> {
  const name = 'drain';
  const own = await mkdtemp(join(folder, `${name}-`));
  const databaseUrl = await createBenchDatabase(cluster, name);
  const rows = plan.devices * plan.entriesPerDevice * plan.readingsPerEntry;
  await using redis = await openPrivateRedis(join(own, 'redis'), 'everysec', guard);
  await beginLogs(redis.client, plan.shardCount);
  say(`${plan.readingsPerEntry} readings an entry: filling the log with ${rows}`);
  await fillLogs(redis.client, plan);
  stop.throwIfAborted();
  let rowsPerS: number;
  {
    await using worker = await startPrivateService({
      name: 'worker',
      stores: { redisUrl: redis.url, databaseUrl },
      folder: own,
      guard,
    });
    rowsPerS = await timeDrain(rows, worker.adminPort, stop);
  }
  say(`${plan.readingsPerEntry} readings an entry: copying the same rows`);
  const copied = await copySame(databaseUrl);
  await dropBenchDatabase(cluster, name);
  return { rows, rowsPerS, ...copied };
}

/** Each device once a second, the last reading now. */
async function fillLogs(redis: Redis, plan: DrainPlan): Promise<void> {
  const metric = parseMetricName('acc_z');
  if (metric === undefined) throw new Error('acc_z is not a metric name');
  const { devices, entriesPerDevice, readingsPerEntry, shardCount } = plan;
  const startUs = Date.now() * 1000 - entriesPerDevice * readingsPerEntry * SECOND_US;
  let pipeline = redis.pipeline();
  for (let entry = 0; entry < entriesPerDevice; entry += 1) {
    for (let number = 0; number < devices; number += 1) {
      const device = `bench-${String(number).padStart(4, '0')}`;
      const readings = Array.from({ length: readingsPerEntry }, (_, index): Reading => {
        const second = entry * readingsPerEntry + index;
        return { metric, timeUs: startUs + second * SECOND_US + number, unit: 'm/s2', value: Math.sin(second) + 9.8 };
      });
      const receivedUs = startUs + (entry + 1) * readingsPerEntry * SECOND_US;
      const origin = { device, key: 'bench', nonce: receivedUs, createdUs: receivedUs, receivedUs };
      const shard = shardOf(device, shardCount);
      pipeline.xadd(redisKeys.readings(shard), '*', ADMITTED_PACK_FIELD, encodeAdmittedPack(origin, readings));
      if (pipeline.length < ENTRIES_PER_PIPELINE) continue;
      await pipeline.exec();
      pipeline = redis.pipeline();
    }
  }
  await pipeline.exec();
}

/** From the first rows to the last: the start of the process is not measured. */
async function timeDrain(rows: number, adminPort: number, stop: AbortSignal): Promise<number> {
  const deadlineMs = performance.now() + (rows * 1000) / LEAST_PER_S;
  let first: { readonly rows: number; readonly atMs: number } | undefined;
  while (performance.now() < deadlineMs) {
    stop.throwIfAborted();
    await delay(POLL_MS);
    const stored = sumMetric(await readMetrics(adminPort).catch(() => ''), 'persist_rows_total');
    const atMs = performance.now();
    if (first === undefined && stored > 0) first = { rows: stored, atMs };
    if (first !== undefined && stored >= rows) return ((rows - first.rows) * 1000) / (atMs - first.atMs);
  }
  throw new Error(`the worker stores less than ${LEAST_PER_S} rows a second`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function copySame(url: string): Promise<Pick<DrainMeasurement, 'stored' | 'rolledUp' | 'copyPerS'>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const numberOf = async (sql: string): Promise<number> => {
      const { rows } = await client.query<{ n: number }>(sql);
      return rows[0]?.n ?? 0;
    };
    const stored = await numberOf('SELECT count(*)::int AS n FROM readings');
    const rolledUp = await numberOf('SELECT coalesce(sum(readings), 0)::int AS n FROM readings_minute');
    const { rows } = await client.query<{ path: string }>(
      `SELECT current_setting('data_directory') || '/bench.copy' AS path`,
    );
    const path = pg.escapeLiteral(rows[0]?.path ?? '');
    await client.query(`COPY (SELECT * FROM readings) TO ${path}`);
    const tookMs: number[] = [];
    for (let round = 0; round < COPIES; round += 1) {
      await client.query('CREATE TABLE copied (LIKE readings)');
      await client.query('CHECKPOINT');
      const startedAtMs = performance.now();
      await client.query(`COPY copied FROM ${path}`);
      tookMs.push(performance.now() - startedAtMs);
      await client.query('DROP TABLE copied');
    }
    return { stored, rolledUp, copyPerS: (stored * 1000) / median(tookMs) };
  } finally {
    await client.end();
  }
}
