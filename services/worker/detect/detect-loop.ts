import { ADMITTED_PACK_FIELD, parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { parseDetectCheckpoint, POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { parseStreamReply, type StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { AlertLog } from '../alerts/alert-log.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { RegistryView } from './registry-view.ts';
import { ShardDetector } from './shard-detector.ts';

const BLOCK_MS = 500;
const READ_COUNT = 128;
/** State younger than this is made again from the log after a crash. */
const CHECKPOINT_EVERY_MS = 1000;

export interface DetectConnections {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly reader: Redis;
  readonly redis: Redis;
}

/** Reads the log beside persistence, not behind it, and turns readings into transitions: an alert does not wait for the database. */
export class DetectLoop {
  readonly #connections: DetectConnections;
  readonly #keep: Script;
  readonly #shards: readonly number[];
  readonly #registry: RegistryView;
  readonly #alerts: AlertLog;
  readonly #metrics: WorkerMetrics;
  #detectors: readonly ShardDetector[] | undefined;
  #checkpointDueMs = 0;

  constructor(
    connections: DetectConnections,
    shardCount: number,
    collaborators: { readonly registry: RegistryView; readonly alerts: AlertLog; readonly metrics: WorkerMetrics },
  ) {
    this.#connections = connections;
    this.#keep = defineScript(connections.redis, 'ttKeepCheckpoint', 'checkpoint.lua', import.meta.url);
    this.#shards = Array.from({ length: shardCount }, (_, shard) => shard);
    this.#registry = collaborators.registry;
    this.#alerts = collaborators.alerts;
    this.#metrics = collaborators.metrics;
  }

  async pass(): Promise<void> {
    try {
      const detectors = (this.#detectors ??= await this.#restore());
      const reply: unknown = await this.#connections.reader.xread(
        'COUNT',
        READ_COUNT,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        ...this.#shards.map((shard) => redisKeys.readings(shard)),
        ...detectors.map((detector) => detector.position),
      );
      const streams = parseStreamReply(reply, ADMITTED_PACK_FIELD);
      for (const [shard, detector] of detectors.entries()) {
        for (const entry of streams.get(redisKeys.readings(shard)) ?? []) await this.#evaluate(detector, entry);
      }
      if (Date.now() >= this.#checkpointDueMs) await this.checkpoint();
    } catch (error) {
      // Memory may be ahead of what went out; the checkpoint is not.
      this.#detectors = undefined;
      throw error;
    }
  }

  async checkpoint(): Promise<void> {
    if (this.#detectors === undefined) return;
    const kept = await Promise.all(
      this.#detectors.map((detector, shard) => {
        const { [POSITION_FIELD]: position = '0', ...states } = detector.takeCheckpoint();
        return this.#keep([redisKeys.detect(shard)], [POSITION_FIELD, position, ...Object.entries(states).flat()]);
      }),
    );
    // Another worker reads the same shards and has got further: what it kept is the truth.
    if (kept.includes(0)) this.#detectors = undefined;
    this.#checkpointDueMs = Date.now() + CHECKPOINT_EVERY_MS;
  }

  async #restore(): Promise<readonly ShardDetector[]> {
    const { redis } = this.#connections;
    const active = this.#shards.map(() => new Set<string>());
    for (const alert of await this.#alerts.readActive()) {
      active[shardOf(alert.slice(alert.indexOf('|') + 1), active.length)]?.add(alert);
    }
    return await Promise.all(
      active.map(async (alerts, shard) => {
        return new ShardDetector(parseDetectCheckpoint(await redis.hgetall(redisKeys.detect(shard))), alerts);
      }),
    );
  }

  async #evaluate(detector: ShardDetector, { id, value }: StreamEntry): Promise<void> {
    const pack = parseAdmittedPack(value ?? '');
    const device = pack === undefined ? undefined : await this.#registry.device(pack.device);
    if (pack !== undefined && device !== undefined) {
      const rules = await this.#registry.rules();
      for (const request of detector.evaluate(id, pack, device, rules, Date.now() * 1000)) {
        const transition = await this.#alerts.append(request);
        if (transition === undefined) continue;
        this.#metrics.transitions.inc({
          rule_kind: transition.rule_kind,
          kind: transition.kind,
          severity: transition.severity,
        });
        this.#metrics.detectSeconds.observe((transition.decided_us - pack.received_us) / 1e6);
      }
    }
    detector.advance(id);
  }
}
