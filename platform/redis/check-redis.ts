import { Cluster } from 'ioredis';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { StartupError } from '../lifecycle/startup-error.ts';
import type { Redis } from './open-redis.ts';

/** Refuses a Redis that could forget what was acknowledged: one that evicts keys or keeps no append-only file. */
export async function checkRedisIsSafe(redis: Redis): Promise<void> {
  if (redis instanceof Cluster) {
    await checkNodesAreSafe(redis);
    return;
  }
  if (parseInfo(await redis.info('cluster')).get('cluster_enabled') === '1') {
    throw new StartupError(
      'REDIS_URL names one node of a cluster. Name several of its nodes, separated by commas, and Telltale finds the others.',
    );
  }
  await checkServerIsSafe(redis);
}

/** Those that answer: one that is away must not keep a service from starting. */
async function checkNodesAreSafe(cluster: Cluster): Promise<void> {
  const checks = await Promise.allSettled(cluster.nodes('all').map(checkServerIsSafe));
  const failures = checks.flatMap((check): unknown[] => (check.status === 'rejected' ? [check.reason] : []));
  const unsafe = failures.find((failure) => failure instanceof StartupError);
  if (unsafe !== undefined) throw unsafe;
  if (failures.length === checks.length) {
    throw failures[0] instanceof Error ? failures[0] : new Error('the cluster has no nodes');
  }
}

async function checkServerIsSafe(redis: Redis): Promise<void> {
  const [unsafe] = await findUnsafeSettings(redis);
  if (unsafe !== undefined) throw new StartupError(`${unsafe.found}. ${unsafe.fix}.`);
}

/** What of a server would lose what was acknowledged, and what to do; both without a full stop. */
export interface UnsafeSetting {
  readonly setting: 'maxmemory-policy' | 'appendonly';
  readonly found: string;
  readonly fix: string;
}

/** @param redis one server, also a node of a cluster */
export async function findUnsafeSettings(redis: Redis): Promise<readonly UnsafeSetting[]> {
  const policy = parseInfo(await redis.info('memory')).get('maxmemory_policy');
  const keepsFile = parseInfo(await redis.info('persistence')).get('aof_enabled') === '1';
  const evicts: UnsafeSetting = {
    setting: 'maxmemory-policy',
    found: `Redis evicts keys (maxmemory-policy ${policy ?? 'unknown'}), so acknowledged readings could vanish`,
    fix: 'Set "maxmemory-policy noeviction"',
  };
  const forgets: UnsafeSetting = {
    setting: 'appendonly',
    found: 'Redis keeps no append-only file, so acknowledged readings would not survive its restart',
    fix: 'Set "appendonly yes" and "appendfsync always"',
  };
  return [...(policy === 'noeviction' ? [] : [evicts]), ...(keepsFile ? [] : [forgets])];
}

/** Of the sections that `INFO` has. */
export async function readServerInfo(redis: Redis, section: string): Promise<ReadonlyMap<string, string>> {
  return parseInfo(await redis.info(section));
}

/** Refuses a Redis that cannot say what its disk and those of its replicas have. */
export async function checkWaitAof(redis: Redis): Promise<void> {
  const reply: unknown = await redis.call('command', 'info', 'waitaof');
  if (Array.isArray(reply) && reply[0] !== null) return;
  const version = parseInfo(await redis.info('server')).get('redis_version') ?? 'unknown';
  throw new StartupError(
    `TELLTALE_INGEST_WAIT_FOR=disk needs Redis 7.2 or newer, and this is ${version}. Set TELLTALE_INGEST_WAIT_FOR=memory.`,
  );
}

/** The first service to start lays down the number of shards; another number would split a device's history. */
export async function claimShardCount(redis: Redis, shardCount: number): Promise<void> {
  await redis.setnx(redisKeys.shardCount, String(shardCount));
  const laidDown = await redis.get(redisKeys.shardCount);
  if (laidDown !== String(shardCount)) {
    throw new StartupError(
      `This Redis holds data in ${laidDown ?? 'no'} shards and TELLTALE_SHARDS is ${shardCount}. Set TELLTALE_SHARDS=${laidDown ?? ''}.`,
    );
  }
}

function parseInfo(info: string): ReadonlyMap<string, string> {
  return new Map(
    info
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1)];
      }),
  );
}
