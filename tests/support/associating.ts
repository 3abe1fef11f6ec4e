import { Registry } from 'prom-client';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { ruleSchema, type Rule } from '../../core/detection/rule.ts';
import { createLogger } from '../../platform/log/logger.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { AlertLog } from '../../platform/redis/alert-log/alert-log.ts';
import { AssociateLoop } from '../../services/worker/associate/associate-loop.ts';
import { RegistryView } from '../../services/worker/detect/registry-view.ts';
import { createWorkerMetrics } from '../../services/worker/metrics.ts';
import { projectDevice, projectRule, thresholdRule } from './detecting.ts';
import { SHARD_COUNT } from './worker-stores.ts';

/** The associator of a worker of its own. */
export function createAssociating(connections: { readonly reader: Redis; readonly redis: Redis }): AssociateLoop {
  const log = createLogger('test', 'silent');
  return new AssociateLoop({
    ...connections,
    shardCount: SHARD_COUNT,
    registry: new RegistryView(connections.redis, log),
    alerts: new AlertLog(connections.redis),
    metrics: createWorkerMetrics(new Registry()),
    log,
  });
}

/** Three devices within 20 km and two seconds. */
export function quorumRule(changes: Record<string, unknown> = {}): Rule {
  return ruleSchema.parse({
    kind: 'quorum',
    id: 'shaken-city',
    version: 2,
    triggers: ['shaken'],
    k: 3,
    within_m: 20_000,
    window_s: 2,
    severity: 'Severe',
    status: 'Test',
    headline: 'Several devices shake',
    clear_after_s: 2,
    ...changes,
  });
}

/** A rule that emits triggers, a quorum over them, and devices a kilometre apart, each of an owner of its own. */
export async function projectQuorum(
  redis: Redis,
  devices: number,
  changes: Record<string, unknown> = {},
): Promise<void> {
  await projectRule(redis, thresholdRule({ id: 'shaken', emits: 'trigger' }));
  await projectRule(redis, quorumRule(changes));
  for (let index = 0; index < devices; index += 1) {
    await projectDevice(redis, `dev-${index}`, {
      owner: `owner-${index}`,
      position: { lat: 47.5 + index / 100, lon: 19, alt_m: null },
    });
  }
}

export async function countTriggers(redis: Redis): Promise<number> {
  return await redis.xlen(redisKeys.triggers);
}
