import { Registry } from 'prom-client';
import type { Transition } from '../../contracts/alert-transition.ts';
import { parseTransition, TRANSITION_FIELD } from '../../contracts/alert-transition.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import type { DeviceRecordJson } from '../../contracts/registry.ts';
import { ruleSchema, type Rule } from '../../core/detection/rule.ts';
import { createLogger } from '../../platform/log/logger.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { AlertLog } from '../../platform/redis/alert-log/alert-log.ts';
import { DetectLoop } from '../../services/worker/detect/detect-loop.ts';
import { RegistryView } from '../../services/worker/detect/registry-view.ts';
import { TriggerLog } from '../../services/worker/triggers/trigger-log.ts';
import { createWorkerMetrics } from '../../services/worker/metrics.ts';
import { SHARD_COUNT } from './worker-stores.ts';

export interface Detecting {
  readonly loop: DetectLoop;
  readonly view: RegistryView;
}

/** The detect loop of a worker of its own. */
export function createDetecting(connections: { readonly reader: Redis; readonly redis: Redis }): Detecting {
  const log = createLogger('test', 'silent');
  const view = new RegistryView(connections.redis, log);
  const loop = new DetectLoop(connections, SHARD_COUNT, {
    registry: view,
    alerts: new AlertLog(connections.redis),
    triggers: new TriggerLog(connections.redis),
    metrics: createWorkerMetrics(new Registry()),
    log,
  });
  return { loop, view };
}

/** Above 10 it raises, at 5 and below it clears, on the metrics x and y of every device. */
export function thresholdRule(changes: Record<string, unknown> = {}): Rule {
  return ruleSchema.parse({
    kind: 'threshold',
    id: 'strong-motion',
    version: 1,
    scope: { metrics: ['x', 'y'] },
    severity: 'Severe',
    status: 'Test',
    headline: 'Strong motion',
    when: 'above',
    limit: 10,
    clear_limit: 5,
    ...changes,
  });
}

/** When x or y rises by more than 10 a second over 100 ms it raises, and when they rise by no more than 5 it clears. */
export function rateRule(changes: Record<string, unknown> = {}): Rule {
  return ruleSchema.parse({
    ...thresholdRule({ id: 'fast-rise', headline: 'Fast rise' }),
    kind: 'rate',
    over_s: 0.1,
    ...changes,
  });
}

export async function projectRule(redis: Redis, rule: Rule): Promise<void> {
  await redis.hset(redisKeys.rules, rule.id, JSON.stringify(rule));
}

export async function projectDevice(redis: Redis, id: string, changes: Partial<DeviceRecordJson> = {}): Promise<void> {
  const device: DeviceRecordJson = {
    id,
    class: 'fixed',
    disabled: false,
    site: null,
    owner: null,
    position: { lat: 47.5, lon: 19.04, alt_m: null },
    zones: ['budapest'],
    keys: {},
    metrics: {},
    ...changes,
  };
  await redis.hset(redisKeys.devices, id, JSON.stringify(device));
}

export interface LoggedTransition {
  readonly cursor: string;
  readonly transition: Transition;
}

export async function readTransitions(redis: Redis): Promise<readonly LoggedTransition[]> {
  const entries = await redis.xrange(redisKeys.alerts, '-', '+');
  return entries.map(([cursor, [field, json]]) => {
    const transition = field === TRANSITION_FIELD ? parseTransition(json ?? '') : undefined;
    if (transition === undefined) throw new Error(`${cursor} is not a transition: ${json ?? ''}`);
    return { cursor, transition };
  });
}

/** `kind subject version` of every transition, in order. */
export async function describeTransitions(redis: Redis): Promise<readonly string[]> {
  const logged = await readTransitions(redis);
  return logged.map(({ transition: { kind, subject, version } }) => `${kind} ${subject} ${version}`);
}
