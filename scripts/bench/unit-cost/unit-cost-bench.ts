import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { ruleSchema } from '../../../core/detection/rule.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { formatManifest } from '../../../firmware-sim/fleet/manifest.ts';
import { parseManifest } from '../../../cli/fleet/parse-manifest.ts';
import { readRules } from '../../../cli/rules/rules-file.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { HeardDevices } from '../../../services/worker/associate/heard-devices.ts';
import { choosePostgres } from '../../postgres/find-postgres.ts';
import { openPrivateCluster } from '../../postgres/private-cluster.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { BENCH_METRIC, createBenchFleet } from '../load/bench-fleet.ts';
import { loadBenchedConfig, startPrivateIngest } from '../load/private-ingest.ts';
import { untilProjected } from '../load/until-projected.ts';
import { createBenchDatabase } from '../private-database.ts';
import { VerifyRate } from '../ingest/verify-rate.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { startPrivateService } from '../private-service.ts';
import { readParent, readResidentBytes } from '../process-cost.ts';
import { FleetRounds, type RoundCost } from './fleet-rounds.ts';
import type { PartPids } from './part-times.ts';
import { countMinuteRows, readDatabaseBytes, readRedisBytes, readRedisInfo } from './stored-bytes.ts';
import { BUSY_PER_S, DEVICES, QUIET_PER_S, READINGS, reportUnitCost, type Costs } from './unit-cost-report.ts';

/** They compile the code and are not counted. */
const WARM_UP = { packs: 20, perS: 500 } as const;
const WARM_UP_DEVICES = 500;
/** Fewer than the public keys that a thread of ingest keeps; all devices together are more. */
const KNOWN = { devices: 2000, packs: 10 } as const;
/** As while triggers wait for a quorum. */
const LISTEN = { times: 20, everyMs: 250 } as const;
const REFERENCE_MS = 2000;
const RULES = 'deploy/rules/earthquake-dense.json';

async function runUnitCost(context: BenchContext): Promise<BenchReport> {
  const { guard, folder, stop, say } = context;
  const own = join(folder, 'unit-cost');
  await mkdir(own);
  await using redis = await openPrivateRedis(join(own, 'redis'), 'always', guard);
  // A rewrite would hide how much is appended.
  await redis.client.config('SET', 'auto-aof-rewrite-percentage', 0);
  await using cluster = await openPrivateCluster(choosePostgres(), guard);
  const databaseUrl = await createBenchDatabase(cluster, 'unitcost');
  const log = createLogger('bench', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'bench', maxConnections: 1 }, log);
  try {
    say(`${DEVICES} devices: making their keys and registering them`);
    const all = createBenchFleet(DEVICES + WARM_UP_DEVICES);
    const empty = await readSizes(redis.client, database);
    const version = await register(database, all, stop);
    const stores = { redisUrl: redis.url, databaseUrl };
    await using worker = await startPrivateService({ name: 'worker', stores, folder: own, guard });
    await worker.untilReady();
    await untilProjected(redis.client, version, stop);
    const registered = await readSizes(redis.client, database);
    await using ingest = await startPrivateIngest(redis.url, own, guard);
    const pids: PartPids = {
      ingest: ingest.pid,
      redis: await readRedisInfo(redis.client, 'process_id'),
      worker: worker.pid,
      postgres: await findPostgres(database),
    };
    const shards = loadBenchedConfig().TELLTALE_SHARDS;
    const rounds = new FleetRounds({ ingest, worker, pids, shards, stop });
    const socketBytes = await rounds.measureSocket();
    const [first] = all;
    if (first === undefined) throw new Error('a fleet without a device');
    const reference = new VerifyRate(first, Date.now());
    reference.sample(REFERENCE_MS);
    const { costs, bytes } = await measure(rounds, all, { redis: redis.client, database, say });
    reference.sample(REFERENCE_MS);
    const listening = await measureListening(redis.client, shards);
    return reportUnitCost({
      costs,
      listening,
      verifyUs: 1e6 / reference.perS,
      bytes: {
        redis_registry_device: (registered.memory - empty.memory) / all.length,
        postgres_registry_device: (registered.registry - empty.registry) / all.length,
        ...bytes,
        ingest_idle_socket: socketBytes,
        ingest_resident: readResidentBytes(pids.ingest),
        worker_resident: readResidentBytes(pids.worker),
      },
      problems: rounds.problems,
    });
  } finally {
    await database.end();
  }
}

async function measureListening(redis: Redis, shards: number): Promise<number> {
  const devices = new HeardDevices(redis, shards);
  await devices.read(Date.now() * 1000);
  const [before, beganMs] = [process.cpuUsage(), performance.now()];
  for (let time = 0; time < LISTEN.times; time += 1) {
    await devices.read(Date.now() * 1000);
    await delay(LISTEN.everyMs);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (performance.now() - beganMs);
}

interface Stores {
  readonly redis: Redis;
  readonly database: Pool;
  readonly say: (line: string) => void;
}

async function measure(
  rounds: FleetRounds,
  all: readonly FleetDevice[],
  { redis, database, say }: Stores,
): Promise<{ readonly costs: Costs; readonly bytes: Readonly<Record<string, number>> }> {
  const devices = all.slice(0, DEVICES);
  const allOnce = { devices, packs: 1, readings: READINGS, perS: BUSY_PER_S };
  const someOften = { ...allOnce, devices: devices.slice(0, KNOWN.devices), packs: KNOWN.packs };
  say('warming up');
  await rounds.measureThrough({ devices: all.slice(DEVICES), ...WARM_UP, readings: READINGS });
  const idle = await rounds.measureIdle();
  const before = await readSizes(redis, database);
  say(`${QUIET_PER_S} packs a second`);
  const some = devices.slice(0, DEVICES / 2);
  const quiet = await rounds.measureThrough({ devices: some, packs: 1, readings: READINGS, perS: QUIET_PER_S });

  say(`${BUSY_PER_S} packs a second, and the worker stands still`);
  rounds.pauseWorker();
  let busy: readonly [RoundCost, RoundCost];
  let logged: Sizes;
  const beforeLog = await readSizes(redis, database);
  try {
    busy = [await rounds.measureAdmission(allOnce), await rounds.measureAdmission(someOften)];
    logged = await readSizes(redis, database);
  } finally {
    rounds.resumeWorker();
  }
  say('the worker catches up');
  const storing = await rounds.measureStorage(busy);
  const after = await readSizes(redis, database);
  const idleHeard = await rounds.measureIdle();
  const state = await readRedisBytes(redis);

  say('the same with one reading in a pack');
  rounds.pauseWorker();
  let single: readonly [RoundCost, RoundCost];
  try {
    const plan = { ...allOnce, readings: 1 };
    single = [await rounds.measureAdmission(plan), await rounds.measureAdmission(plan)];
  } finally {
    rounds.resumeWorker();
  }
  const storingSingle = await rounds.measureStorage(single);

  const packs = busy[0].accepted + busy[1].accepted;
  const stored = (quiet.accepted + packs) * READINGS;
  const perDevice = (purpose: string): number => (state.get(purpose) ?? 0) / all.length;
  return {
    costs: {
      ...{ idle, idleHeard, quiet: quiet.usPerPack, storing, storingSingle },
      busyUnknown: busy[0].usPerPack,
      busyKnown: busy[1].usPerPack,
    },
    bytes: {
      redis_replay_device: perDevice('replay'),
      redis_limit_device: perDevice('limit'),
      redis_heard_device: perDevice('heard'),
      redis_detect_device: perDevice('detect'),
      redis_entry: (logged.log - beforeLog.log) / packs,
      redis_entry_aof: (logged.appended - beforeLog.appended) / packs,
      redis_pack_aof: (after.appended - before.appended) / (quiet.accepted + packs),
      postgres_reading: (after.readings - before.readings) / stored,
      postgres_minute_row: after.rollups / (await countMinuteRows(database)),
      postgres_wal_reading: (after.wal - before.wal) / stored,
    },
  };
}

/** Bytes so far. */
interface Sizes {
  readonly memory: number;
  /** The streams of packs, of `memory`. */
  readonly log: number;
  readonly appended: number;
  readonly readings: number;
  readonly rollups: number;
  readonly registry: number;
  readonly wal: number;
}

async function readSizes(redis: Redis, database: Pool): Promise<Sizes> {
  return {
    memory: await readRedisInfo(redis, 'used_memory'),
    log: (await readRedisBytes(redis)).get('readings') ?? 0,
    appended: await readRedisInfo(redis, 'aof_current_size'),
    ...(await readDatabaseBytes(database)),
  };
}

/** Answers the version of the registry. One rule of its own for every reading, and the ones of a network for earthquakes. */
async function register(database: Pool, devices: readonly FleetDevice[], stop: AbortSignal): Promise<string> {
  const store = new RegistryStore(database);
  const registrations = parseManifest(formatManifest(devices));
  for (let from = 0; from < registrations.length; from += 1000) {
    await store.registerDevices(registrations.slice(from, from + 1000));
    stop.throwIfAborted();
  }
  const loud = ruleSchema.parse({
    ...{ kind: 'threshold', id: 'loud', version: 1, scope: { metrics: [BENCH_METRIC] } },
    ...{ severity: 'Severe', headline: 'Loud', when: 'above', limit: 1000, clear_limit: 1000 },
  });
  return await store.applyRules([loud, ...readRules(RULES)]);
}

/** The server is the parent of the process that serves a connection. */
async function findPostgres(database: Pool): Promise<number> {
  const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return readParent(rows[0]?.pid ?? 0);
}

export const unitCostBench: Bench = {
  name: 'unit-cost',
  description: 'what a pack, a reading and a device cost each part, in processor time, memory and disk; no bars',
  run: runUnitCost,
};
