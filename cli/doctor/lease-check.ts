import { redisKeys, type LeaseTag } from '../../contracts/redis-keys.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { ok, problem, type Finding } from './finding.ts';

/** What is not done while nobody has the lease. */
const STREAMS = {
  triggers: 'nobody leads the association: quorum rules find nothing',
  alerts: 'nobody stores alerts',
  registry: 'nobody carries out enrolments and new keys',
  security: 'nobody stores security events',
} as const satisfies Partial<Record<LeaseTag, string>>;

const START = 'start a worker: node dist/services/worker/main.js, or "npm start" for all of it';

/** Whether somebody works on everything. By the clock of Redis, as leases are. */
export async function checkLeases(redis: Redis, shards: readonly number[]): Promise<readonly Finding[]> {
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  const nowMs = seconds * 1000 + micros / 1000;
  const streams = Object.keys(STREAMS) as (keyof typeof STREAMS)[];
  const owners = new Set<string>();
  const isFree = async (tag: LeaseTag): Promise<boolean> => {
    const [owner, until] = await redis.hmget(redisKeys.lease(tag), 'owner', 'until');
    if (typeof owner !== 'string' || Number(until ?? 0) <= nowMs) return true;
    owners.add(owner);
    return false;
  };
  const free = new Set<LeaseTag>();
  for (const tag of [...shards, ...streams]) if (await isFree(tag)) free.add(tag);
  if (owners.size === 0) return [problem('leases', 'no worker runs: nothing is stored and no alert is raised', START)];
  const freeShards = shards.filter((shard) => free.has(shard));
  const findings = [
    ...(freeShards.length === 0
      ? []
      : [
          problem(
            'leases',
            `nobody works on the shards ${freeShards.join(', ')}`,
            `look at the logs of the workers, or ${START}`,
          ),
        ]),
    ...streams
      .filter((stream) => free.has(stream))
      .map((stream) => problem('leases', STREAMS[stream], `look at the logs of the workers, or ${START}`)),
  ];
  const workers = owners.size === 1 ? '1 worker works' : `${owners.size} workers work`;
  return findings.length > 0 ? findings : [ok('leases', `${workers} on all shards, and one leads the association`)];
}
