import { KEEP_REQUESTS_DAYS } from '../../../platform/config/fragments.ts';
import { DeviceClocks } from '../clocks/device-clocks.ts';
import type { WorkerConfig } from '../config.ts';
import { passOverShards } from '../lease/leased-pass.ts';
import { StrayReports } from '../security/stray-reports.ts';
import type { WorkerContext, WorkerLoop } from '../worker-context.ts';
import { AgedRows } from './aged-rows.ts';
import { MetricDirectory } from './metric-directory.ts';
import { PackStore } from './pack-store.ts';
import { Partitions } from './partitions.ts';
import { PersistLoop } from './persist-loop.ts';
import { PositionsStore } from './positions-store.ts';
import { ReadingsStore } from './readings-store.ts';
import { Retention, type KeepDays } from './retention.ts';

const RETAIN_EVERY_MS = 600_000;
/** One sample of each device's clock in this time: fifteen of them are two and a half minutes of a busy device. */
const STORE_CLOCKS_EVERY_MS = 10_000;

/** What stores readings, each lane those of its own shards, and what keeps the tables within bounds. */
export function createPersistLoops(context: WorkerContext): readonly WorkerLoop[] {
  const { config, log, metrics, databases } = context;
  const { write } = databases;
  const clocks = new DeviceClocks(write);
  const retention = new Retention(write, new Partitions(write), keepDaysOf(config), { metrics, log });
  const aged = new AgedRows(
    write,
    {
      security_events: daysOf(config.TELLTALE_WORKER_KEEP_SECURITY_EVENTS_DAYS),
      registry_requests: KEEP_REQUESTS_DAYS,
    },
    { metrics, log },
  );
  const lanes = Array.from({ length: config.TELLTALE_WORKER_PERSIST_LANES }, (_, lane) =>
    createLane(context, clocks, lane),
  );
  return [
    ...lanes,
    { name: 'clocks', pauseMs: STORE_CLOCKS_EVERY_MS, pass: () => clocks.flush() },
    { name: 'retention', pauseMs: RETAIN_EVERY_MS, pass: () => retention.check(Date.now()) },
    { name: 'aged rows', pauseMs: RETAIN_EVERY_MS, pass: (signal) => aged.check(Date.now(), signal) },
  ];
}

/** What a lane keeps in memory is its own: one that fails forgets it, in the middle of what another does. */
function createLane(context: WorkerContext, clocks: DeviceClocks, lane: number): WorkerLoop {
  const { config, log, metrics, redis, openRedis, databases, leases, shards } = context;
  const { store } = databases;
  const loop = new PersistLoop(
    { reader: openRedis(`worker-persist-${lane}`), redis },
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
  );
  const own = shards.filter((shard) => shard % config.TELLTALE_WORKER_PERSIST_LANES === lane);
  return { name: `persist ${lane}`, pass: passOverShards(leases, own, (mine, stop) => loop.pass(mine, stop)) };
}

const daysOf = (days: number): number | undefined => (days === 0 ? undefined : days);

function keepDaysOf(config: WorkerConfig): KeepDays {
  return {
    readings: daysOf(config.TELLTALE_WORKER_KEEP_READINGS_DAYS),
    device_positions: daysOf(config.TELLTALE_WORKER_KEEP_POSITIONS_DAYS),
    readings_minute: daysOf(config.TELLTALE_WORKER_KEEP_MINUTES_DAYS),
    readings_hour: daysOf(config.TELLTALE_WORKER_KEEP_HOURS_DAYS),
  };
}
