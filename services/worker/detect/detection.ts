import { Cluster } from 'ioredis';
import type { Samples } from '../../../platform/metrics/metric-set.ts';
import type { SafetyWait } from '../../../platform/redis/until-safe.ts';
import { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import type { WorkerConfig } from '../config.ts';
import { AssociateLoop } from '../associate/associate-loop.ts';
import { passOverShards, passUnderLease } from '../lease/leased-pass.ts';
import { TriggerLog } from '../triggers/trigger-log.ts';
import type { WorkerContext, WorkerLoop } from '../worker-context.ts';
import { DetectLoop } from './detect-loop.ts';
import type { RegistryView } from './registry-view.ts';

export interface Detection {
  readonly loops: readonly WorkerLoop[];
  /** Once the loops have ended: what they know, for whoever goes on with their shards. */
  readonly checkpoint: () => Promise<void>;
  readonly lagSeconds: () => Samples<'shard'>;
  /** Empty for a worker that does not lead. */
  readonly associateLagSeconds: () => Samples<never>;
}

/**
 * Evaluates the rules over all shards together or, where they lie on different nodes, over each by itself, and what devices
 * agree on.
 */
export function createDetection(context: WorkerContext, registry: RegistryView): Detection {
  const { config, log, metrics, redis, openRedis, leases, shards } = context;
  const connections = { reader: openRedis('worker-detect'), redis };
  const wait = safetyWaitOf(config);
  const alerts = new AlertLog(redis, wait && { redis: openRedis('worker-confirm'), wait });
  const triggers = new TriggerLog(redis);
  // A node that does not answer must not keep the shards of others from being evaluated.
  const apart = redis instanceof Cluster;
  const parts = (apart ? shards.map((shard) => [shard]) : [shards]).map((among) => ({
    among,
    loop: new DetectLoop(connections, shards.length, { registry, alerts, triggers, metrics, log }),
  }));
  const associate = new AssociateLoop({
    reader: openRedis('worker-associate'),
    redis,
    shardCount: shards.length,
    registry,
    alerts,
    metrics,
    log,
  });
  return {
    loops: [
      ...parts.map(({ among, loop }) => ({
        name: apart ? `detect ${among.join()}` : 'detect',
        pass: passOverShards(leases, among, (mine, stop) => loop.pass(mine, stop)),
      })),
      { name: 'associate', pass: passUnderLease(leases, 'triggers', (token, stop) => associate.pass(token, stop)) },
    ],
    checkpoint: async () => {
      await Promise.all([...parts.map(({ loop }) => loop.checkpoint()), associate.checkpoint()]);
    },
    lagSeconds: () => parts.flatMap(({ loop }) => [...loop.lagSeconds]),
    associateLagSeconds: () => (associate.lagSeconds === undefined ? [] : [[{}, associate.lagSeconds]]),
  };
}

function safetyWaitOf(config: WorkerConfig): SafetyWait | undefined {
  const { TELLTALE_WORKER_WAIT_REPLICAS: replicas, TELLTALE_WORKER_WAIT_MS: timeoutMs } = config;
  return replicas === 0 ? undefined : { replicas, onDisk: false, timeoutMs };
}
