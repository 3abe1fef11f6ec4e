import { z } from 'zod';
import { POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

const groupsSchema = z.array(z.array(z.unknown()));

/** Entries that a group has not acknowledged yet, read or not. */
async function waitingIn(redis: Redis, stream: string, group: string): Promise<number> {
  for (const flat of groupsSchema.parse(await redis.xinfo('GROUPS', stream))) {
    const valueOf = (name: string): unknown => flat[flat.indexOf(name) + 1];
    if (valueOf('name') === group) return Number(valueOf('pending')) + Number(valueOf('lag') ?? 0);
  }
  return 0;
}

/** Packs that are not stored yet. */
export async function countBacklog(redis: Redis, shardCount: number): Promise<number> {
  const shards = Array.from({ length: shardCount }, (_, shard) => redisKeys.readings(shard));
  const waiting = await Promise.all(shards.map((stream) => waitingIn(redis, stream, consumerGroups.persist)));
  return waiting.reduce((sum, each) => sum + each, 0);
}

/** What is not done yet with all that was acknowledged; undefined when nothing is left. */
export async function describeUnfinished(redis: Redis, shardCount: number): Promise<string | undefined> {
  const backlog = await countBacklog(redis, shardCount);
  if (backlog > 0) return `${backlog} packs are not stored`;
  for (let shard = 0; shard < shardCount; shard += 1) {
    const [newest] = await redis.xrevrange(redisKeys.readings(shard), '+', '-', 'COUNT', 1);
    const position = (await redis.hget(redisKeys.detect(shard), POSITION_FIELD)) ?? '0';
    if (newest !== undefined && newest[0] !== position) return `shard ${shard} is evaluated up to ${position} only`;
  }
  const transitions = await waitingIn(redis, redisKeys.alerts, consumerGroups.storeAlerts);
  return transitions > 0 ? `${transitions} transitions are not stored` : undefined;
}

export async function countDeadLetters(redis: Redis, shardCount: number): Promise<number> {
  let letters = 0;
  for (let shard = 0; shard < shardCount; shard += 1) letters += await redis.xlen(redisKeys.deadLetters(shard));
  return letters;
}
