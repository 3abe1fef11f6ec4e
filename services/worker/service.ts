import { randomUUID } from 'node:crypto';
import { Cluster } from 'ioredis';
import { AdminServer } from '../../platform/http/admin-server.ts';
import { RunLoop, type LoopOptions } from '../../platform/lifecycle/run-loop.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { SecurityEventStore } from '../../platform/postgres/security-event-store.ts';
import { checkRedisIsSafe, claimShardCount } from '../../platform/redis/check-redis.ts';
import { openRedis, openSubscriber, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { RegistryWatch } from '../../platform/redis/registry-watch.ts';
import type { SafetyWait } from '../../platform/redis/until-safe.ts';
import { AlertLog } from './alerts/alert-log.ts';
import { AlertStore } from './alerts/alert-store.ts';
import { StoreAlertsLoop } from './alerts/store-alerts-loop.ts';
import { DeviceClocks } from './clocks/device-clocks.ts';
import type { WorkerConfig } from './config.ts';
import { openWorkerDatabases } from './databases.ts';
import { DetectLoop } from './detect/detect-loop.ts';
import { RegistryView } from './detect/registry-view.ts';
import { heldShards, passOverShards, passUnderLease } from './lease/leased-pass.ts';
import { Leases } from './lease/leases.ts';
import { LogKeeper } from './log/log-keeper.ts';
import { LogTrimmer } from './log/log-trimmer.ts';
import { LossWatch } from './log/loss-watch.ts';
import { createWorkerMetrics } from './metrics.ts';
import { MetricDirectory } from './persist/metric-directory.ts';
import { PackStore } from './persist/pack-store.ts';
import { Partitions } from './persist/partitions.ts';
import { PersistLoop } from './persist/persist-loop.ts';
import { PositionsStore } from './persist/positions-store.ts';
import { ReadingsStore } from './persist/readings-store.ts';
import { Retention, type KeepDays } from './persist/retention.ts';
import { PositionFollower } from './project/position-follower.ts';
import { Projector } from './project/projector.ts';
import { CarryOutLoop } from './requests/carry-out-loop.ts';
import { RequestStore } from './requests/request-store.ts';
import { StoreSecurityEventsLoop } from './security/store-security-events-loop.ts';
import { StrayReports } from './security/stray-reports.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
/** A change of the registry reaches Redis within this time. */
const PROJECT_EVERY_MS = 250;
const KEEP_LOG_EVERY_MS = 1000;
const TRIM_LOG_EVERY_MS = 1000;
/** What devices were acknowledged since the last look is not in the number of what was lost. */
const WATCH_LOG_EVERY_MS = 250;
const RETAIN_EVERY_MS = 600_000;
/**
 * How far behind its newest report a mobile device may be in the registry. Ingest and detection read every device anew after
 * each change of the registry, so that this is also how often a fleet that moves makes them.
 */
const FOLLOW_POSITIONS_EVERY_MS = 10_000;
/** One sample of each device's clock in this time: fifteen of them are two and a half minutes of a busy device. */
const STORE_CLOCKS_EVERY_MS = 10_000;

export async function startWorker({ config, log, resources }: ServiceContext<WorkerConfig>): Promise<void> {
  const { REDIS_URL: url, TELLTALE_SHARDS: shardCount } = config;
  const open = (name: string): Redis => {
    const connection = openRedis({ url, name, manner: 'patient' }, log);
    resources.defer(`Redis ${name}`, () => connection.disconnect());
    return connection;
  };
  const redis = open('worker');
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);
  await checkRedisIsSafe(redis);
  await claimShardCount(redis, shardCount);
  const { store, write, read } = openWorkerDatabases(
    { url: config.DATABASE_URL, persistLanes: config.TELLTALE_WORKER_PERSIST_LANES },
    log,
    resources,
  );

  const registry = createMetricsRegistry('worker');
  const metrics = createWorkerMetrics(registry);
  const keeper = new LogKeeper(redis, write, shardCount, log);
  const trimmer = new LogTrimmer(redis, metrics);
  const losses = new LossWatch(redis, { metrics, log });
  const projector = new Projector(redis, read, shardCount, log);
  const view = new RegistryView(redis);
  const subscriber = openSubscriber({ url, name: 'worker-subscriber' }, log);
  resources.defer('Redis subscriber', () => subscriber.disconnect());
  await waitForRedis(subscriber, REDIS_START_TIMEOUT_MS);
  const watch = new RegistryWatch({ redis, subscriber, onChange: () => view.clear(), log });
  resources.defer('registry watch', () => watch.close());
  await watch.start();

  const retention = new Retention(write, new Partitions(write), keepDaysOf(config), log);
  const clocks = new DeviceClocks(write);
  const follower = new PositionFollower(write);
  const shards = Array.from({ length: shardCount }, (_, shard) => shard);
  // What lanes keep in memory is their own: one that fails forgets it, in the middle of what another does.
  const lanes = Array.from({ length: config.TELLTALE_WORKER_PERSIST_LANES }, (_, lane) => ({
    name: `persist ${lane}`,
    shards: shards.filter((shard) => shard % config.TELLTALE_WORKER_PERSIST_LANES === lane),
    loop: new PersistLoop(
      { reader: open(`worker-persist-${lane}`), redis },
      new PackStore({
        readings: new ReadingsStore(store, new MetricDirectory(store), new Partitions(store)),
        positions: new PositionsStore(store, new Partitions(store)),
        strays: new StrayReports(redis, log),
        clocks,
      }),
      {
        readCount: config.TELLTALE_WORKER_READ_COUNT,
        batchReadings: config.TELLTALE_WORKER_BATCH_READINGS,
        batchMs: config.TELLTALE_WORKER_BATCH_MS,
      },
      { metrics, log },
    ),
  }));
  const detectConnections = { reader: open('worker-detect'), redis };
  const wait = safetyWaitOf(config);
  const alerts = new AlertLog(redis, wait && { redis: open('worker-confirm'), wait });
  // Where shards lie on different nodes, one that does not answer must not keep the others from being evaluated.
  const detections = (redis instanceof Cluster ? shards.map((shard) => [shard]) : [shards]).map((among) => ({
    name: among.length === 1 ? `detect ${String(among[0])}` : 'detect',
    shards: among,
    loop: new DetectLoop(detectConnections, shardCount, { registry: view, alerts, metrics }),
  }));
  const storeAlerts = new StoreAlertsLoop({ reader: open('worker-alerts'), redis }, new AlertStore(write), log);
  const carryOut = new CarryOutLoop({ reader: open('worker-requests'), redis }, new RequestStore(write), log);
  const storeSecurityEvents = new StoreSecurityEventsLoop(
    { reader: open('worker-security'), redis },
    new SecurityEventStore(write),
    log,
  );

  const leases = new Leases(
    redis,
    {
      worker: randomUUID(),
      tags: [...shards, 'alerts', 'registry', 'security'],
      lastsMs: config.TELLTALE_WORKER_LEASE_MS,
    },
    { metrics, log },
  );
  // A node of a cluster that is away keeps nothing else from starting: the loop goes on with it.
  await keeper.check().catch((error: unknown) => {
    if (!(redis instanceof Cluster)) throw error;
    log.warn({ err: error }, 'not every log could be looked at');
  });
  const loops = [
    { name: 'log', pauseMs: KEEP_LOG_EVERY_MS, pass: () => keeper.check() },
    { name: 'trim log', pauseMs: TRIM_LOG_EVERY_MS, pass: () => trimmer.trim(heldShards(leases, shards).keys()) },
    { name: 'watch logs', pauseMs: WATCH_LOG_EVERY_MS, pass: () => losses.look(heldShards(leases, shards).keys()) },
    { name: 'correct lags', pauseMs: TRIM_LOG_EVERY_MS, pass: () => trimmer.correctOthers() },
    { name: 'retention', pauseMs: RETAIN_EVERY_MS, pass: () => retention.check(Date.now()) },
    { name: 'project', pauseMs: PROJECT_EVERY_MS, pass: () => projector.check() },
    { name: 'follow positions', pauseMs: FOLLOW_POSITIONS_EVERY_MS, pass: () => follower.check() },
    { name: 'clocks', pauseMs: STORE_CLOCKS_EVERY_MS, pass: () => clocks.flush() },
    { name: 'leases', pauseMs: leases.checkEveryMs, pass: () => leases.check() },
    ...lanes.map(({ name, shards: among, loop }) => {
      return { name, pass: passOverShards(leases, among, (mine) => loop.pass(mine)) };
    }),
    ...detections.map(({ name, shards: among, loop }) => {
      return { name, pass: passOverShards(leases, among, (mine) => loop.pass(mine)) };
    }),
    { name: 'store alerts', pass: passUnderLease(leases, 'alerts', (token) => storeAlerts.pass(token)) },
    { name: 'carry out requests', pass: passUnderLease(leases, 'registry', (token) => carryOut.pass(token)) },
    {
      name: 'store security events',
      pass: passUnderLease(leases, 'security', (token) => storeSecurityEvents.pass(token)),
    },
  ].map((options: Pick<LoopOptions, 'name' | 'pauseMs' | 'pass'>) => {
    return { name: options.name, loop: new RunLoop({ ...options, log }) };
  });
  resources.defer('loops', async () => {
    const closed = new Map(loops.map(({ name, loop }) => [name, loop.close()]));
    // Shards are handed over as soon as detection has ended: what is on its way to the database may take longer.
    try {
      await Promise.all([...detections.map(({ name }) => closed.get(name)), closed.get('leases')]);
      await Promise.all(detections.map(({ loop }) => loop.checkpoint()));
      await leases.release();
    } finally {
      await Promise.all(closed.values());
    }
  });

  const admin = new AdminServer({
    host: config.TELLTALE_WORKER_HOST,
    port: config.TELLTALE_WORKER_ADMIN_PORT,
    setting: 'TELLTALE_WORKER_ADMIN_PORT',
    registry,
    unready: () => loops.filter(({ loop }) => !loop.healthy).map(({ name }) => `the loop "${name}" fails`),
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();
  // Once nothing can keep this worker from starting any more: one that cannot start takes no shards from others.
  await leases.check();
  for (const { loop } of loops) loop.start();
}

function safetyWaitOf(config: WorkerConfig): SafetyWait | undefined {
  const { TELLTALE_WORKER_WAIT_REPLICAS: replicas, TELLTALE_WORKER_WAIT_MS: timeoutMs } = config;
  return replicas === 0 ? undefined : { replicas, onDisk: false, timeoutMs };
}

function keepDaysOf(config: WorkerConfig): KeepDays {
  const daysOf = (days: number): number | undefined => (days === 0 ? undefined : days);
  return {
    readings: daysOf(config.TELLTALE_WORKER_KEEP_READINGS_DAYS),
    device_positions: daysOf(config.TELLTALE_WORKER_KEEP_POSITIONS_DAYS),
    readings_minute: daysOf(config.TELLTALE_WORKER_KEEP_MINUTES_DAYS),
    readings_hour: daysOf(config.TELLTALE_WORKER_KEEP_HOURS_DAYS),
  };
}
