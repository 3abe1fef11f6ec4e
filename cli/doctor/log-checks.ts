import { consumerGroups, redisKeys } from '../../contracts/redis-keys.ts';
import { readGroupBacklog } from '../../platform/redis/group-backlog.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

/** A batch that takes long is stored within this time; what waits for longer waits for somebody. */
const LONGEST_WAIT_MS = 30_000;

/** What is acknowledged and not stored yet, and for how long the oldest of it has waited. */
export async function readBacklog(redis: Redis, shards: readonly number[]): Promise<readonly Finding[]> {
  const [seconds = 0] = (await redis.time()).map(Number);
  let waiting = 0;
  let oldestMs = Infinity;
  for (const shard of shards) {
    const stream = redisKeys.readings(shard);
    const backlog = (await readGroupBacklog(redis, stream, consumerGroups.persist)) ?? (await redis.xlen(stream));
    if (backlog === 0) continue;
    waiting += backlog;
    oldestMs = Math.min(oldestMs, await findOldest(redis, stream));
  }
  if (waiting === 0) return [ok('backlog', 'everything that was acknowledged is stored')];
  const waitedMs = Math.max(0, seconds * 1000 - oldestMs);
  const found = `${waiting} packs wait to be stored, the oldest for ${Math.round(waitedMs / 1000)} s`;
  if (waitedMs <= LONGEST_WAIT_MS) return [ok('backlog', found)];
  return [
    problem(
      'backlog',
      found,
      'start a worker if none runs, and see in its log why the database does not take them; nothing is lost until Redis is',
    ),
  ];
}

/** Of those that are not acknowledged, also of those that nobody has read. Unix milliseconds. */
async function findOldest(redis: Redis, stream: string): Promise<number> {
  const pending: unknown = await redis.xpending(stream, consumerGroups.persist).catch(() => undefined);
  const first: unknown = Array.isArray(pending) ? pending[1] : undefined;
  if (typeof first === 'string') return timeOf(first);
  const after = await readDelivered(redis, stream);
  const [entry] = await redis.xrange(stream, after === undefined ? '-' : `(${after}`, '+', 'COUNT', 1);
  return entry === undefined ? Infinity : timeOf(entry[0]);
}

async function readDelivered(redis: Redis, stream: string): Promise<string | undefined> {
  const groups: unknown = await redis.xinfo('GROUPS', stream).catch(() => []);
  for (const flat of Array.isArray(groups) ? groups : []) {
    if (!Array.isArray(flat)) continue;
    const valueOf = (name: string): unknown => flat[flat.indexOf(name) + 1];
    if (valueOf('name') === consumerGroups.persist) return String(valueOf('last-delivered-id'));
  }
  return undefined;
}

function timeOf(id: string): number {
  return Number(id.split('-')[0]);
}

export async function countWaitingLetters(redis: Redis, shards: readonly number[]): Promise<Finding> {
  let letters = 0;
  for (const shard of shards) letters += await redis.xlen(redisKeys.deadLetters(shard));
  if (letters === 0) return ok('dead-letters', 'no dead letters');
  return warning(
    'dead-letters',
    `${letters} dead letters wait for somebody to decide`,
    '"telltale dlq list" says why; replay or discard them (docs/operations.md, Dead letters)',
  );
}
