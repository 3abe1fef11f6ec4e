import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import type { BenchContext } from '../bench.ts';
import { openPrivateRedis, type Fsync } from '../private-redis.ts';
import { ClosedLoop, type LoadResult } from '../load/closed-loop.ts';
import { beginLogs, countEntries, projectFleet } from '../load/prepare-log.ts';
import { startPrivateIngest } from '../load/private-ingest.ts';
import { signRequests } from '../load/sign-requests.ts';

export interface LoadPlan {
  readonly devices: readonly FleetDevice[];
  readonly shardCount: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** As many requests a second are signed as can be sent; one that is not sent is not wasted, one too few ends the run. */
  readonly mostPerS: number;
}

export interface IngestMeasurement extends LoadResult {
  /** In the streams of all shards. */
  readonly entries: number;
}

/** One run of the load against an ingest and a Redis of its own. */
export async function measureIngest(fsync: Fsync, plan: LoadPlan, context: BenchContext): Promise<IngestMeasurement> {
  const { guard, stop, say } = context;
  const folder = join(context.folder, fsync);
  await mkdir(folder);
  await using redis = await openPrivateRedis(join(folder, 'redis'), fsync, guard);
  await beginLogs(redis.client, plan.shardCount);
  await projectFleet(redis.client, plan.devices);
  await using ingest = await startPrivateIngest(redis.url, folder, guard);
  const { connections, warmUpMs, windowMs } = plan;
  const requests = Math.ceil((plan.mostPerS * (warmUpMs + windowMs)) / 1000 / connections);
  say(`appendfsync ${fsync}: signing ${requests * connections} requests`);
  const signed = await signRequests(plan.devices, {
    connections,
    requests,
    host: `127.0.0.1:${ingest.port}`,
    stop,
  });
  say(`appendfsync ${fsync}: ${warmUpMs / 1000} s of warm-up, then ${windowMs / 1000} s`);
  const load = await new ClosedLoop({ port: ingest.port, requests: signed, warmUpMs, windowMs, stop }).run();
  return { ...load, entries: await countEntries(redis.client, plan.shardCount) };
}
