import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { build, type Histogram } from 'hdr-histogram-js';
import { publishedTransitionSchema } from '../../../contracts/alert-transition.ts';
import { redisChannels } from '../../../contracts/redis-keys.ts';
import { ruleSchema } from '../../../core/detection/rule.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { formatManifest } from '../../../firmware-sim/fleet/manifest.ts';
import { parseManifest } from '../../../cli/fleet/parse-manifest.ts';
import { choosePostgres } from '../../postgres/find-postgres.ts';
import { openPrivateCluster } from '../../postgres/private-cluster.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { BENCH_METRIC, createBenchFleet } from '../load/bench-fleet.ts';
import { startPrivateIngest } from '../load/private-ingest.ts';
import { untilProjected } from '../load/until-projected.ts';
import { createBenchDatabase } from '../private-database.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { startPrivateService } from '../private-service.ts';
import { AlertLoad, LIMIT, READINGS_PER_PACK, type Cause } from './alert-load.ts';

/** A pack of ten readings a second each. */
const DEVICES = 200;
const SECONDS = 20;
const WARM_UP_S = 5;
const BAR_MS = 50;
const LAST_ALERT_MS = 3000;

interface Stretch {
  readonly readingsPerS: number;
  readonly latencyUs: Histogram;
  readonly missing: number;
  readonly refused: ReadonlyMap<number, number>;
}

async function runAlertLatency({ guard, folder, stop, say }: BenchContext): Promise<BenchReport> {
  const own = join(folder, 'alert-latency');
  await mkdir(own);
  const fleet = createBenchFleet(DEVICES);
  await using redis = await openPrivateRedis(join(own, 'redis'), 'always', guard);
  const cluster = await openPrivateCluster(choosePostgres(), guard);
  let isClusterUp = true;
  const endCluster = async (): Promise<void> => {
    if (isClusterUp) await cluster[Symbol.asyncDispose]();
    isClusterUp = false;
  };
  const subscriber = new Redis(redis.url);
  try {
    const databaseUrl = await createBenchDatabase(cluster, 'alerts');
    const version = await register(databaseUrl, fleet);
    await using worker = await startPrivateService({
      name: 'worker',
      stores: { redisUrl: redis.url, databaseUrl },
      folder: own,
      guard,
    });
    await worker.untilReady();
    await untilProjected(redis.client, version, stop);
    await using ingest = await startPrivateIngest(redis.url, own, guard);
    await subscriber.subscribe(redisChannels.alerts);
    say(`warming up for ${WARM_UP_S} s`);
    await measure(ingest.port, fleet, WARM_UP_S, subscriber, stop);
    say(`${DEVICES * READINGS_PER_PACK} readings a second for ${SECONDS} s, with PostgreSQL`);
    const beside = await measure(ingest.port, fleet, SECONDS, subscriber, stop);
    await endCluster();
    say(`the same for ${SECONDS} s, without PostgreSQL`);
    const alone = await measure(ingest.port, fleet, SECONDS, subscriber, stop);
    return report(beside, alone, await redis.longestFsyncMs());
  } finally {
    subscriber.disconnect();
    await endCluster();
  }
}

/** Answers the version of the registry. */
async function register(databaseUrl: string, fleet: readonly FleetDevice[]): Promise<string> {
  const log = createLogger('bench', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'bench', maxConnections: 1 }, log);
  try {
    const store = new RegistryStore(database);
    await store.registerDevices(parseManifest(formatManifest(fleet)));
    const rule = ruleSchema.parse({
      kind: 'threshold',
      id: 'loud',
      version: 1,
      scope: { metrics: [BENCH_METRIC] },
      severity: 'Severe',
      headline: 'Loud',
      when: 'above',
      limit: LIMIT,
      clear_limit: LIMIT,
    });
    return await store.applyRules([rule]);
  } finally {
    await database.end();
  }
}

async function measure(
  port: number,
  devices: readonly FleetDevice[],
  seconds: number,
  subscriber: Redis,
  stop: AbortSignal,
): Promise<Stretch> {
  const load = new AlertLoad({ port, devices, seconds, stop });
  const latencyUs = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3 });
  const told = new Map<string, number>();
  const onMessage = (_channel: string, message: string): void => {
    const nowMs = performance.now();
    const { subject, kind } = publishedTransitionSchema.parse(JSON.parse(message));
    const place = told.get(subject) ?? 0;
    const cause: Cause | undefined = load.causes.get(subject)?.[place];
    if (cause?.kind !== kind) return;
    told.set(subject, place + 1);
    latencyUs.recordValue(Math.max(1, Math.round((nowMs - cause.sentAtMs) * 1000)));
  };
  subscriber.on('message', onMessage);
  const count = (): number => [...load.causes.values()].reduce((sum, causes) => sum + causes.length, 0);
  try {
    const startedAtMs = performance.now();
    await load.run();
    const tookS = Math.max(seconds, (performance.now() - startedAtMs) / 1000 - 1);
    const deadlineMs = performance.now() + LAST_ALERT_MS;
    while (latencyUs.totalCount < count() && performance.now() < deadlineMs) await delay(10);
    return {
      readingsPerS: load.accepted / tookS,
      latencyUs,
      missing: count() - latencyUs.totalCount,
      refused: load.refused,
    };
  } finally {
    subscriber.off('message', onMessage);
  }
}

const percentile = ({ latencyUs }: Stretch, part: number): number => latencyUs.getValueAtPercentile(part) / 1000;

function report(beside: Stretch, alone: Stretch, longestFsyncMs: number): BenchReport {
  const line = (name: string, stretch: Stretch): string =>
    `${name}  p50 ${percentile(stretch, 50).toFixed(1)} ms, p99 ${percentile(stretch, 99).toFixed(1)} ms (bar ${BAR_MS}) of ` +
    `${stretch.latencyUs.totalCount} transitions at ${Math.round(stretch.readingsPerS)} readings/s`;
  const problemsOf = (name: string, stretch: Stretch): string[] => [
    ...(percentile(stretch, 99) <= BAR_MS
      ? []
      : [`${name}: p99 of ${percentile(stretch, 99).toFixed(1)} ms is above ${BAR_MS}`]),
    ...(stretch.missing === 0 ? [] : [`${name}: ${stretch.missing} alerts did not come`]),
    ...(stretch.latencyUs.totalCount > 0 ? [] : [`${name}: nothing was measured`]),
    ...[...stretch.refused].map(([status, times]) => `${name}: ${times} packs were answered ${status}`),
  ];
  return {
    fields: {
      readings_per_s: Math.round(Math.min(beside.readingsPerS, alone.readingsPerS)),
      p50_ms: Number(percentile(beside, 50).toFixed(3)),
      p99_ms: Number(percentile(beside, 99).toFixed(3)),
      p99_ms_without_postgres: Number(percentile(alone, 99).toFixed(3)),
      fsync_longest_ms: longestFsyncMs,
    },
    lines: [
      'from the sending of the pack, before it is verified, to the alert on its channel:',
      line('with PostgreSQL   ', beside),
      line('without PostgreSQL', alone),
      `disk                the longest sync of the log: ${longestFsyncMs === 0 ? 'below 10' : longestFsyncMs} ms`,
    ],
    problems: [...problemsOf('with PostgreSQL', beside), ...problemsOf('without PostgreSQL', alone)],
  };
}

export const alertLatencyBench: Bench = {
  name: 'alert-latency',
  description: 'from a reading to its alert at 2,000 readings/s, with PostgreSQL and without',
  run: runAlertLatency,
};
