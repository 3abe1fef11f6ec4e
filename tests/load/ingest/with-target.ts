import { join } from 'node:path';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { beginLogs, projectFleet } from '../../../scripts/bench/load/prepare-log.ts';
import { loadBenchedConfig, startPrivateIngest } from '../../../scripts/bench/load/private-ingest.ts';
import { openPrivateRedis } from '../../../scripts/bench/private-redis.ts';

/** Uses the ingest at this address, or a private one that knows these devices, with a Redis that syncs as in production. */
export async function withTarget<T>(
  url: URL | undefined,
  devices: readonly FleetDevice[],
  { guard, folder }: BenchContext,
  use: (url: URL) => Promise<T>,
): Promise<T> {
  if (url !== undefined) return await use(url);
  await using redis = await openPrivateRedis(join(folder, 'redis'), 'always', guard);
  await beginLogs(redis.client, loadBenchedConfig().TELLTALE_SHARDS);
  await projectFleet(redis.client, devices);
  await using ingest = await startPrivateIngest(redis.url, folder, guard);
  return await use(new URL(`http://127.0.0.1:${ingest.port}`));
}
