import { Cluster } from 'ioredis';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { DEFAULT_SHARD_COUNT } from '../../contracts/shard.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { findUnsafeSettings, readServerInfo } from '../../platform/redis/check-redis.ts';
import { openRedis, waitForRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { judgeClock } from './clock-check.ts';
import { ok, problem, warning, type Finding } from './finding.ts';
import { countWaitingLetters, readBacklog } from './log-checks.ts';
import { checkLeases } from './lease-check.ts';
import { judgeDisk, judgeMemory } from './redis-capacity.ts';
import { untilWell } from './until-well.ts';

const ANSWER_WITHIN_MS = 4000;
/** A lease that changes hands is taken within two seconds, or four when its worker died. */
const HAND_OVER_MS = 5000;

export interface RedisLook {
  readonly findings: readonly Finding[];
  /** Version of the registry that the services know; undefined when nobody could be asked, null for none. */
  readonly projected: string | null | undefined;
}

export async function checkRedis(url: string | undefined, shardsSetting: string | undefined): Promise<RedisLook> {
  if (url === undefined) {
    const found = 'it is not known where Redis is: no platform runs here, and REDIS_URL is not set';
    return {
      findings: [problem('redis', found, 'start one with "npm start", or set REDIS_URL')],
      projected: undefined,
    };
  }
  const redis = openRedis({ url, name: 'doctor', manner: 'patient' }, createLogger('doctor', 'silent'));
  let lastError = '';
  redis.on('error', (error: Error) => (lastError = error.message));
  try {
    await waitForRedis(redis, ANSWER_WITHIN_MS);
    return await look(redis, shardsSetting);
  } catch (error) {
    const why = lastError || (error instanceof Error ? error.message : String(error));
    return { findings: [explainSilence(url, why)], projected: undefined };
  } finally {
    redis.disconnect();
  }
}

function explainSilence(url: string, why: string): Finding {
  const where = url
    .split(/,(?=rediss?:)/)
    .map(hostOf)
    .join(', ');
  if (/^(WRONGPASS|NOAUTH)/.test(why)) {
    return problem(
      'redis',
      `Redis at ${where} refuses the login: ${why}`,
      'correct the user and the password in REDIS_URL',
    );
  }
  return problem('redis', `Redis at ${where} does not answer: ${why}`, 'start it, or correct REDIS_URL');
}

/** Without the login, whatever is in it. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an address that is none';
}

async function look(redis: Redis, shardsSetting: string | undefined): Promise<RedisLook> {
  const version = (await readServerInfo(redis, 'server')).get('redis_version') ?? 'of an unknown version';
  const shards = await checkShards(redis, shardsSetting);
  const findings = [
    ok('redis', `Redis answers: ${version}`),
    ...(await checkServers(redis)),
    await checkClock(redis),
    shards.finding,
    ...(shards.count === undefined ? [] : await checkWork(redis, shards.count)),
  ];
  return { findings, projected: await redis.get(redisKeys.registryVersion) };
}

async function checkServers(redis: Redis): Promise<readonly Finding[]> {
  const servers = redis instanceof Cluster ? redis.nodes('all') : [redis];
  const found = (await Promise.all(servers.map(checkServer))).flat();
  return found.length === 0
    ? [ok('redis-settings', 'Redis keeps what it has acknowledged, and evicts nothing')]
    : found;
}

async function checkServer(redis: Redis): Promise<readonly Finding[]> {
  const unsafe = (await findUnsafeSettings(redis)).map(({ found, fix }) => problem('redis-settings', found, fix));
  return [
    ...unsafe,
    ...(unsafe.length === 0 ? await checkFsync(redis) : []),
    ...judgeMemory(await readServerInfo(redis, 'memory')),
    ...judgeDisk(await readServerInfo(redis, 'persistence')),
  ];
}

/** Not every provider lets its settings be read. */
async function checkFsync(redis: Redis): Promise<readonly Finding[]> {
  const reply: unknown = await redis.call('config', 'get', 'appendfsync').catch(() => undefined);
  const values = JSON.stringify(reply ?? 'always');
  if (values.includes('always')) return [];
  return [
    warning(
      'redis-settings',
      'Redis does not sync each write: what was acknowledged in the last second can be lost',
      'set "appendfsync always", or read docs/reliability.md for what is lost without it',
    ),
  ];
}

async function checkClock(redis: Redis): Promise<Finding> {
  const askedMs = Date.now();
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  return judgeClock('redis-clock', 'Redis', {
    serverMs: seconds * 1000 + micros / 1000,
    askedMs,
    answeredMs: Date.now(),
  });
}

async function checkShards(
  redis: Redis,
  setting: string | undefined,
): Promise<{ readonly finding: Finding; readonly count: number | undefined }> {
  const laidDown = await redis.get(redisKeys.shardCount);
  const wanted = setting === undefined || setting === '' ? String(DEFAULT_SHARD_COUNT) : setting;
  if (laidDown === null) {
    const finding = problem(
      'shards',
      'no service has ever started on this Redis',
      'start a worker, or correct REDIS_URL',
    );
    return { finding, count: undefined };
  }
  const finding =
    laidDown === wanted
      ? ok('shards', `${laidDown} shards`)
      : problem(
          'shards',
          `this Redis holds data in ${laidDown} shards and TELLTALE_SHARDS is ${wanted}: services with this setting refuse to start`,
          `set TELLTALE_SHARDS=${laidDown}`,
        );
  return { finding, count: Number(laidDown) };
}

async function checkWork(redis: Redis, shardCount: number): Promise<readonly Finding[]> {
  const shards = Array.from({ length: shardCount }, (_, shard) => shard);
  const [leases, backlog, letters] = await Promise.all([
    untilWell(HAND_OVER_MS, () => checkLeases(redis, shards)),
    untilWell(HAND_OVER_MS, () => readBacklog(redis, shards)),
    countWaitingLetters(redis, shards),
  ]);
  return [...leases, ...backlog, letters];
}
