import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import { AdminServer } from '../../platform/http/admin-server.ts';
import { LoopMetrics } from '../../platform/lifecycle/loop-metrics.ts';
import { RunLoop } from '../../platform/lifecycle/run-loop.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { PoolMetrics } from '../../platform/postgres/pool-metrics.ts';
import { SecurityEventStore } from '../../platform/postgres/security-event-store.ts';
import { checkRedisIsSafe, claimShardCount } from '../../platform/redis/check-redis.ts';
import { openRedis, openSubscriber, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import { RegistryWatch } from '../../platform/redis/registry-watch.ts';
import { AlertStore } from './alerts/alert-store.ts';
import { PruneAlerts } from './alerts/prune-alerts.ts';
import { StoreAlertsLoop } from './alerts/store-alerts-loop.ts';
import type { WorkerConfig } from './config.ts';
import { openWorkerDatabases } from './databases.ts';
import { createDetection } from './detect/detection.ts';
import { RegistryView } from './detect/registry-view.ts';
import { passUnderLease } from './lease/leased-pass.ts';
import { Leases } from './lease/leases.ts';
import { Backlogs } from './log/backlogs.ts';
import { startLogLoops } from './log/log-loops.ts';
import { createWorkerMetrics, registerWorkerReadings } from './metrics.ts';
import { createPersistLoops } from './persist/persist-loops.ts';
import { PositionFollower } from './project/position-follower.ts';
import { Projector } from './project/projector.ts';
import { CarryOutLoop } from './requests/carry-out-loop.ts';
import { RequestStore } from './requests/request-store.ts';
import { StoreSecurityEventsLoop } from './security/store-security-events-loop.ts';
import type { WorkerContext, WorkerLoop } from './worker-context.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
/** A change of the registry reaches Redis within this time. */
const PROJECT_EVERY_MS = 250;
const PRUNE_ALERTS_EVERY_MS = 60_000;
/** Below the time between two scrapes. */
const MEASURE_EVERY_MS = 2000;
/**
 * How far behind its newest report a mobile device may be in the registry. Ingest and detection read every device anew after
 * each change of the registry, so that this is also how often a fleet that moves makes them.
 */
const FOLLOW_POSITIONS_EVERY_MS = 10_000;

export async function startWorker(service: ServiceContext<WorkerConfig>): Promise<void> {
  const { config, log, resources } = service;
  const registry = createMetricsRegistry('worker');
  const context = await openContext(service, registry);
  const { leases } = context;
  const detection = createDetection(context, await openRegistryView(service, context));
  const { redis, shards } = context;
  const projector = new Projector(redis, context.databases.read, shards.length, context);
  const backlogs = new Backlogs(redis, leases, shards);
  const loopMetrics = new LoopMetrics(registry);
  const loops = [
    ...(await startLogLoops(context)),
    ...createRegistryLoops(context, projector),
    { name: 'measure backlogs', pauseMs: MEASURE_EVERY_MS, pass: () => backlogs.look() },
    { name: 'leases', pauseMs: leases.checkEveryMs, pass: () => leases.check() },
    ...createPersistLoops(context),
    ...detection.loops,
    ...createStreamLoops(context),
  ].map((options) => ({ name: options.name, loop: new RunLoop({ ...options, log, metrics: loopMetrics }) }));
  registerWorkerReadings(registry, {
    leases: () => leases.held,
    pendingEntries: () => backlogs.pendingEntries,
    lagSeconds: () => backlogs.lagSeconds,
    deadLetters: () => backlogs.deadLetters,
    detectLagSeconds: detection.lagSeconds,
    associateLagSeconds: detection.associateLagSeconds,
    projectionStaleSeconds: () => projector.staleSeconds,
    registryVersion: () => projector.version,
    shards: () => shards.length,
  });
  const open = new Set(loops.map(({ name }) => name));
  const end = async (): Promise<void> => {
    const closed = new Map(loops.map(({ name, loop }) => [name, loop.close().finally(() => open.delete(name))]));
    // Shards are handed over as soon as detection has ended: what is on its way to the database may take longer.
    try {
      await Promise.all([...detection.loops.map(({ name }) => closed.get(name)), closed.get('leases')]);
      await detection.checkpoint();
      await leases.release();
    } finally {
      await Promise.all(closed.values());
    }
  };
  resources.defer('loops', end, () => [...open]);

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

async function openContext(
  { config, log, resources }: ServiceContext<WorkerConfig>,
  registry: Registry,
): Promise<WorkerContext> {
  const metrics = createWorkerMetrics(registry);
  const connections = new RedisMetrics(registry);
  const open = (name: string): Redis => {
    const connection = openRedis({ url: config.REDIS_URL, name, manner: 'patient' }, log);
    resources.defer(`Redis ${name}`, () => connection.disconnect());
    return connections.watch(name, connection);
  };
  const redis = open('worker');
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);
  await checkRedisIsSafe(redis);
  await claimShardCount(redis, config.TELLTALE_SHARDS);
  const databases = openWorkerDatabases(
    { url: config.DATABASE_URL, persistLanes: config.TELLTALE_WORKER_PERSIST_LANES },
    { log, resources, metrics: new PoolMetrics(registry) },
  );
  const shards = Array.from({ length: config.TELLTALE_SHARDS }, (_, shard) => shard);
  const leases = new Leases(
    redis,
    {
      worker: randomUUID(),
      tags: [...shards, 'alerts', 'registry', 'security', 'triggers'],
      lastsMs: config.TELLTALE_WORKER_LEASE_MS,
    },
    { metrics, log },
  );
  return { config, log, metrics, connections, redis, openRedis: open, databases, leases, shards };
}

async function openRegistryView(
  { config, log, resources }: ServiceContext<WorkerConfig>,
  { redis, connections }: WorkerContext,
): Promise<RegistryView> {
  const view = new RegistryView(redis, log);
  const name = 'worker-subscriber';
  const subscriber = connections.watch(name, openSubscriber({ url: config.REDIS_URL, name }, log));
  resources.defer('Redis subscriber', () => subscriber.disconnect());
  await waitForRedis(subscriber, REDIS_START_TIMEOUT_MS);
  const watch = new RegistryWatch({ redis, subscriber, onChange: () => view.clear(), log });
  resources.defer('registry watch', () => watch.close());
  await watch.start();
  return view;
}

/** What brings the registry from the database to Redis, and what devices say of themselves into it. */
function createRegistryLoops({ databases }: WorkerContext, projector: Projector): readonly WorkerLoop[] {
  const follower = new PositionFollower(databases.write);
  return [
    { name: 'project', pauseMs: PROJECT_EVERY_MS, pass: () => projector.check() },
    { name: 'follow positions', pauseMs: FOLLOW_POSITIONS_EVERY_MS, pass: () => follower.check() },
  ];
}

/** The streams that are not a shard's, each worked on by one worker. */
function createStreamLoops(context: WorkerContext): readonly WorkerLoop[] {
  const { redis, openRedis: open, databases, leases } = context;
  const { write } = databases;
  const alerts = new StoreAlertsLoop({ reader: open('worker-alerts'), redis }, new AlertStore(write), context);
  const requests = new CarryOutLoop({ reader: open('worker-requests'), redis }, new RequestStore(write), context);
  const events = new StoreSecurityEventsLoop(
    { reader: open('worker-security'), redis },
    new SecurityEventStore(write),
    context,
  );
  const prune = new PruneAlerts(redis);
  return [
    {
      name: 'prune alerts',
      pauseMs: PRUNE_ALERTS_EVERY_MS,
      pass: passUnderLease(leases, 'alerts', () => prune.pass()),
    },
    { name: 'store alerts', pass: passUnderLease(leases, 'alerts', (token) => alerts.pass(token)) },
    {
      name: 'carry out requests',
      pass: passUnderLease(leases, 'registry', (token, stop) => requests.pass(token, stop)),
    },
    { name: 'store security events', pass: passUnderLease(leases, 'security', (token) => events.pass(token)) },
  ];
}
