import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript } from '../../../platform/redis/script.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { ApiKeyRecord, DeviceRecordJson } from '../../../contracts/registry.ts';
import { formatShardEpoch } from '../../../contracts/shard-epoch.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { apiKeyRegistration, keyRegistration } from '../../../cli/keys/registrations.ts';
import { ProjectionWrite, type Triple } from '../../../services/worker/project/projection-write.ts';
import { BENCH_METRIC, BENCH_UNIT } from './bench-fleet.ts';

const ALWAYS_VALID = { not_before_ms: null, not_after_ms: null, revoked_at_ms: null };
const REGISTRY_VERSION = '1';

/** What a worker does before ingest admits anything: every shard's log begins, as the first of its installation. */
export async function beginLogs(redis: Redis, shardCount: number): Promise<void> {
  const epoch = formatShardEpoch({ createdMs: Date.now(), refuseAtOrBeforeMs: 0 });
  for (let shard = 0; shard < shardCount; shard += 1) {
    await redis.xgroup('CREATE', redisKeys.readings(shard), consumerGroups.persist, '0', 'MKSTREAM');
    await redis.setnx(redisKeys.epoch(shard), epoch);
  }
}

/** Writes the fleet into the registry's projection by the worker's own script. */
export async function projectFleet(redis: Redis, devices: readonly FleetDevice[]): Promise<void> {
  const folder = new URL('../../../services/worker/project/', import.meta.url);
  const script = defineScript(redis, 'ttProject', 'project.lua', folder.href);
  const write = new ProjectionWrite(script, 'bench', '');
  const triples = devices.flatMap((device): Triple[] => {
    const { id, hash } = apiKeyRegistration(device.api_key);
    const apiKey: ApiKeyRecord = { device: device.id, hash: Buffer.from(hash).toString('base64url'), ...ALWAYS_VALID };
    return [
      [1, device.id, JSON.stringify(deviceRecord(device))],
      [2, id, JSON.stringify(apiKey)],
    ];
  });
  if (!(await write.parts(triples)) || !(await write.finish(REGISTRY_VERSION))) {
    throw new Error('this Redis has a projection already');
  }
}

function deviceRecord({ id, site, owner, lat, lon, key }: FleetDevice): DeviceRecordJson {
  const { x, y } = key.private_key;
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const { publicKey, thumbprint } = keyRegistration(id, key.id, point);
  return {
    id,
    class: 'fixed',
    disabled: false,
    site,
    owner,
    position: { lat, lon, alt_m: null },
    zones: [],
    keys: {
      [key.id]: { public_key: Buffer.from(publicKey).toString('base64url'), thumbprint, ...ALWAYS_VALID },
    },
    metrics: { [BENCH_METRIC]: BENCH_UNIT },
  };
}

export async function countEntries(redis: Redis, shardCount: number): Promise<number> {
  let entries = 0;
  for (let shard = 0; shard < shardCount; shard += 1) entries += await redis.xlen(redisKeys.readings(shard));
  return entries;
}
