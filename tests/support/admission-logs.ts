import assert from 'node:assert/strict';
import { ADMITTED_PACK_FIELD } from '../../contracts/admitted-pack.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { formatShardEpoch } from '../../contracts/shard-epoch.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { AdmitScript, type Admission, type Admittable } from '../../services/ingest/admit/admit-script.ts';
import { startRedis, type TestRedis } from './redis.ts';

export const CREATED_MS = 1_734_567_891_000;
export const EPOCH = formatShardEpoch({ createdMs: CREATED_MS - 1000, refuseAtOrBeforeMs: 0 });

export function createAdmittable(nonce: number, changes: Partial<Admittable> = {}): Admittable {
  return {
    registryVersion: 1,
    deviceId: 'dev-1',
    key: 'key',
    nonce,
    createdMs: CREATED_MS,
    pack: `pack ${nonce}`,
    metrics: undefined,
    ...changes,
  };
}

/** More than a test about something else has in one log. */
export const MAX_BACKLOG = 1000;

export function createAdmitScript(logs: AdmissionLogs, replayWindow: number): AdmitScript {
  return new AdmitScript(logs.redis, { replayWindow, maxBacklog: MAX_BACKLOG });
}

/** What the script must decide for envelopes into a log that the caller knows. */
export async function admitAll(
  script: AdmitScript,
  shard: number,
  envelopes: readonly Admittable[],
): Promise<readonly Admission[]> {
  const [reply] = await script.run([{ shard, epoch: EPOCH, envelopes }]);
  assert.ok(reply?.kind === 'decided', JSON.stringify(reply));
  return reply.admissions;
}

/** A Redis with any number of logs: every test begins its own. */
export class AdmissionLogs {
  readonly redis: Redis;
  readonly #server: TestRedis;
  #lastShard = 0;

  constructor(redis: Redis, server: TestRedis) {
    this.redis = redis;
    this.#server = server;
  }

  /** A shard without a log. */
  nextShard(): number {
    this.#lastShard += 1;
    return this.#lastShard;
  }

  async begin(epoch = EPOCH): Promise<number> {
    const shard = this.nextShard();
    await this.redis.set(redisKeys.epoch(shard), epoch);
    return shard;
  }

  async packsOf(shard: number): Promise<string[]> {
    const entries = await this.redis.xrange(redisKeys.readings(shard), '-', '+');
    return entries.map(([, fields]) => {
      assert.equal(fields.length, 2);
      assert.equal(fields[0], ADMITTED_PACK_FIELD);
      return fields[1] ?? '';
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.redis.disconnect();
    await this.#server[Symbol.asyncDispose]();
  }
}

export async function openAdmissionLogs(): Promise<AdmissionLogs> {
  const server = await startRedis();
  const redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
  // Hundreds of runs of a property with a log each, and none of them needs to survive.
  await redis.config('SET', 'appendfsync', 'no');
  return new AdmissionLogs(redis, server);
}
