import { z } from 'zod';
import { ADMITTED_PACK_FIELD, parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { parseDetectCheckpoint, POSITION_FIELD } from '../../../contracts/detect-checkpoint.ts';
import { HeardReader } from '../../../contracts/heard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Samples } from '../../../platform/metrics/metric-set.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { readStreams } from '../../../platform/redis/read-streams.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import { causeAt } from '../alerts/cause-at.ts';
import type { TriggerLog } from '../triggers/trigger-log.ts';
import { observeTransition, type WorkerMetrics } from '../metrics.ts';
import type { RegistryView } from './registry-view.ts';
import { ShardDetector, type Caused } from './shard-detector.ts';

const READ_COUNT = 128;
/** State younger than this is made again from the log after a crash. */
const CHECKPOINT_EVERY_MS = 1000;
const HEARD_EVERY_MS = 250;

export interface DetectConnections {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly reader: Redis;
  readonly redis: Redis;
}

interface Detection {
  readonly detector: ShardDetector;
  /** By which this worker has the shard. */
  readonly token: number;
}

/** A pass asks for the entries at these times: by the log's clock when something waits for it, and by the monotonic one. */
interface Asked {
  readonly askedAtUs: number | undefined;
  readonly askedAtMs: number;
  readonly stop: AbortSignal | undefined;
}

/** Reads the log beside persistence, not behind it, and turns readings into transitions: an alert does not wait for the database. */
export class DetectLoop {
  readonly #connections: DetectConnections;
  readonly #keep: Script;
  readonly #hear: Script;
  readonly #now: Script;
  readonly #shardCount: number;
  readonly #registry: RegistryView;
  readonly #alerts: AlertLog;
  readonly #triggers: TriggerLog;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  readonly #detections = new Map<number, Detection>();
  /** When the logs of the shards had last been read to their end, by the monotonic clock. A pass that fails leaves it as it is. */
  readonly #caughtUpAtMs = new Map<number, number>();
  #checkpointDueMs = 0;
  #heardDueMs = 0;
  /** Of the alerts, as they were when the detections began. */
  #losses = 0;

  constructor(
    connections: DetectConnections,
    shardCount: number,
    collaborators: {
      readonly registry: RegistryView;
      readonly alerts: AlertLog;
      readonly triggers: TriggerLog;
      readonly metrics: WorkerMetrics;
      readonly log: Logger;
    },
  ) {
    this.#connections = connections;
    this.#keep = defineScript(connections.redis, 'ttKeepCheckpoint', 'checkpoint.lua', import.meta.url);
    this.#hear = defineScript(connections.redis, 'ttKeepHeard', 'keep-heard.lua', import.meta.url);
    this.#now = defineScript(connections.redis, 'ttLogTime', 'log-time.lua', import.meta.url);
    this.#shardCount = shardCount;
    this.#registry = collaborators.registry;
    this.#alerts = collaborators.alerts;
    this.#triggers = collaborators.triggers;
    this.#metrics = collaborators.metrics;
    this.#log = collaborators.log;
  }

  /** Since all of the log had been seen, of each shard. */
  get lagSeconds(): Samples<'shard'> {
    const nowMs = performance.now();
    return [...this.#caughtUpAtMs].map(([shard, atMs]) => [{ shard: String(shard) }, (nowMs - atMs) / 1000]);
  }

  /**
   * @param shards to their fencing tokens: those that this worker has; at least one
   * @param stop   leaves the entries that have not begun to the next pass, of whoever has the shards then
   */
  async pass(shards: ReadonlyMap<number, number>, stop?: AbortSignal): Promise<void> {
    try {
      // Another loop found that transitions are gone; ours may be among them.
      if (this.#losses !== this.#alerts.losses) this.#detections.clear();
      this.#losses = this.#alerts.losses;
      await this.#follow(shards);
      const askedAtMs = performance.now();
      const askedAtUs = await this.#logTime();
      const streams = await readStreams(
        { reader: this.#connections.reader, count: READ_COUNT, field: ADMITTED_PACK_FIELD },
        new Map([...this.#detections].map(([shard, { detector }]) => [redisKeys.readings(shard), detector.position])),
      );
      // Shards beside each other: an alert waits for the disk, and those of other shards need not wait for it.
      await allOrFirstFailure(
        [...this.#detections].map(([shard, detection]) =>
          this.#evaluateAll(shard, detection, streams.get(redisKeys.readings(shard)) ?? [], {
            askedAtUs,
            askedAtMs,
            stop,
          }),
        ),
      );
      if (performance.now() >= this.#heardDueMs) await this.#keepHeard();
      if (performance.now() >= this.#checkpointDueMs) await this.checkpoint();
    } catch (error) {
      // Memory may be ahead of what went out; the checkpoints are not.
      this.#detections.clear();
      throw error;
    }
  }

  /** Not while a pass is under way: what an entry has changed counts once all that it caused has gone out. */
  async checkpoint(): Promise<void> {
    await this.#keepHeard();
    await this.#keepAll([...this.#detections]);
    this.#checkpointDueMs = performance.now() + CHECKPOINT_EVERY_MS;
  }

  /** Takes up the shards that are new to this worker, and leaves those that it has no more. */
  async #follow(shards: ReadonlyMap<number, number>): Promise<void> {
    for (const shard of this.#caughtUpAtMs.keys()) if (!shards.has(shard)) this.#caughtUpAtMs.delete(shard);
    for (const shard of shards.keys()) {
      if (!this.#caughtUpAtMs.has(shard)) this.#caughtUpAtMs.set(shard, performance.now());
    }
    const lost = [...this.#detections].filter(([shard, { token }]) => shards.get(shard) !== token);
    await this.#keepAll(lost);
    for (const [shard] of lost) this.#detections.delete(shard);
    const taken = [...shards].filter(([shard]) => !this.#detections.has(shard));
    if (taken.length > 0) await this.#takeOver(taken);
  }

  async #keepAll(detections: readonly (readonly [number, Detection])[]): Promise<void> {
    if (detections.length === 0) return;
    // What a checkpoint has passed is not evaluated again, so that all that it caused must be there to stay.
    if (!(await this.#alerts.confirm())) return;
    if (this.#losses !== this.#alerts.losses) throw new Error('alerts were lost since these shards were taken up');
    const kept = await Promise.all(
      detections.map(([shard, { detector, token }]) => {
        const { [POSITION_FIELD]: position = '0', ...states } = detector.takeCheckpoint();
        return this.#keep(
          [redisKeys.detect(shard), redisKeys.lease(shard)],
          [token, POSITION_FIELD, position, ...Object.entries(states).flat()],
        );
      }),
    );
    // Another worker has the shard or got further: what it kept is the truth.
    for (const [index, [shard]] of detections.entries()) if (kept[index] === 0) this.#detections.delete(shard);
  }

  /** For association, which must know by then who is silent. */
  async #keepHeard(): Promise<void> {
    this.#heardDueMs = performance.now() + HEARD_EVERY_MS;
    await Promise.all(
      [...this.#detections].map(async ([shard, { detector }]) => {
        const heard = detector.takeHeard();
        if (Object.keys(heard).length === 0) return;
        await this.#hear([redisKeys.heard(shard), redisKeys.heardVersion(shard)], Object.entries(heard).flat());
      }),
    );
  }

  /** From the last checkpoints. First of all the worker before us is silenced, or it could speak after we have read. */
  async #takeOver(shards: readonly (readonly [number, number])[]): Promise<void> {
    await Promise.all(
      shards.flatMap(([lease, token]) => [
        this.#alerts.takeOver({ lease, token }),
        this.#triggers.takeOver({ lease, token }),
      ]),
    );
    const rules = await this.#registry.rules();
    const standing = await this.#alerts.readStanding();
    const [active, cancelled] = [this.#byShard(standing.active), this.#byShard(standing.cancelled)];
    await Promise.all(
      shards.map(async ([shard, token]) => {
        const checkpoint = parseDetectCheckpoint(await this.#connections.redis.hgetall(redisKeys.detect(shard)));
        for (const field of checkpoint.unreadable ?? []) {
          this.#log.error({ shard, field }, 'a state cannot be read; its rule measures anew');
        }
        const { heard, unreadable } = new HeardReader().read(
          await this.#connections.redis.hgetall(redisKeys.heard(shard)),
        );
        for (const field of unreadable) this.#log.error({ shard, field }, 'who was heard cannot be read');
        const detector = new ShardDetector(checkpoint, {
          active: active.get(shard) ?? new Set(),
          cancelled: cancelled.get(shard) ?? new Set(),
          emitsTriggers: (rule) => rules.emitsTriggers(rule),
          heard,
        });
        this.#detections.set(shard, { detector, token });
      }),
    );
  }

  #byShard(alerts: ReadonlySet<string>): ReadonlyMap<number, ReadonlySet<string>> {
    const shards = new Map<number, Set<string>>();
    for (const alert of alerts) {
      const shard = shardOf(alert.slice(alert.indexOf('|') + 1), this.#shardCount);
      const known = shards.get(shard);
      if (known === undefined) shards.set(shard, new Set([alert]));
      else known.add(alert);
    }
    return shards;
  }

  /** By the clock that gives entries their ids, Unix microseconds; of one node, on which all shards of this loop lie.
   * Undefined when nothing waits for it. */
  async #logTime(): Promise<number | undefined> {
    const rules = await this.#registry.rules();
    // An alert should not wait for the time that nobody needs.
    if (![...this.#detections.values()].some(({ detector }) => detector.mayChange(rules))) return undefined;
    const [shard = 0] = this.#detections.keys();
    const [seconds, microseconds] = z
      .tuple([z.coerce.number(), z.coerce.number()])
      .parse(await this.#now([redisKeys.detect(shard)], []));
    return seconds * 1e6 + microseconds;
  }

  async #evaluateAll(
    shard: number,
    detection: Detection,
    entries: readonly StreamEntry[],
    { askedAtUs, askedAtMs, stop }: Asked,
  ): Promise<void> {
    const packs = new Map<string, number>();
    for (const entry of entries) {
      if (stop?.aborted === true) break;
      for (const zone of await this.#evaluate(shard, detection, entry)) packs.set(zone, (packs.get(zone) ?? 0) + 1);
    }
    for (const [zone, count] of packs) this.#metrics.zonePacks.inc({ zone }, count);
    if (entries.length === READ_COUNT || stop?.aborted === true) return;
    this.#caughtUpAtMs.set(shard, askedAtMs);
    // The log was read to its end: who has not been heard of by then was silent.
    if (askedAtUs !== undefined) await this.#advanceTime(shard, detection, askedAtUs);
  }

  /** Answers the zones of the device. */
  async #evaluate(shard: number, detection: Detection, { id, value }: StreamEntry): Promise<readonly string[]> {
    const { detector, token } = detection;
    const pack = parseAdmittedPack(value ?? '');
    const device = pack === undefined ? undefined : await this.#registry.device(pack.device);
    if (pack !== undefined && device !== undefined) {
      const rules = await this.#registry.rules();
      await this.#advanceTime(shard, detection, causeAt(id, 0).entryMs * 1000);
      await this.#tell(shard, token, detector.evaluate(id, pack, device, rules, Date.now() * 1000), pack.received_us);
    }
    detector.advance(id);
    return device?.zones ?? [];
  }

  async #advanceTime(shard: number, { detector, token }: Detection, heardUpToUs: number): Promise<void> {
    const rules = await this.#registry.rules();
    if (!detector.mayChange(rules)) return;
    const caused = await detector.advanceTime(heardUpToUs, rules, (id) => this.#registry.device(id));
    await this.#tell(shard, token, caused, undefined);
  }

  async #tell(
    shard: number,
    token: number,
    { transitions, triggers }: Caused,
    receivedUs: number | undefined,
  ): Promise<void> {
    const fence = { lease: shard, token };
    for (const request of transitions) {
      const transition = await this.#alerts.append(request, fence);
      if (transition !== undefined) observeTransition(this.#metrics, transition, receivedUs);
    }
    for (const request of triggers) {
      const { rule } = request.logged.news.trigger;
      if (await this.#triggers.append(request, fence)) this.#metrics.triggers.inc({ rule });
    }
  }
}

/** Nothing is under way any more when it rejects. */
async function allOrFirstFailure(running: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(running)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
