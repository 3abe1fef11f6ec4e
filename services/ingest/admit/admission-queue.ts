import { shardOf } from '../../../contracts/shard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { inOneWrite } from '../../../platform/redis/in-one-write.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { AdmitScript, type Admission, type Admittable } from './admit-script.ts';

/** `no-log`: nobody has begun this shard's log, so that nothing can be admitted yet. */
export type AdmissionOutcome = Admission | 'no-log';

/** Larger batches hold Redis up for more than half a millisecond at a time. */
const MAX_BATCH = 64;

interface Waiting {
  readonly envelope: Admittable;
  readonly settle: (outcome: AdmissionOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** Admits envelopes, those of one event-loop turn and one shard together. */
export class AdmissionQueue {
  readonly #redis: Redis;
  readonly #script: AdmitScript;
  readonly #shardCount: number;
  readonly #epochs = new Map<number, string>();
  #waiting = new Map<number, Waiting[]>();

  constructor(redis: Redis, shardCount: number, replayWindow: number) {
    this.#redis = redis;
    this.#script = new AdmitScript(redis, replayWindow);
    this.#shardCount = shardCount;
  }

  /** Rejects when Redis fails: the envelope may or may not be in the log, and the device has to ask again. */
  admit(deviceId: string, envelope: Admittable): Promise<AdmissionOutcome> {
    return new Promise((settle, fail) => {
      if (this.#waiting.size === 0) setImmediate(() => this.#flush());
      const shard = shardOf(deviceId, this.#shardCount);
      const waiting = this.#waiting.get(shard);
      if (waiting === undefined) this.#waiting.set(shard, [{ envelope, settle, fail }]);
      else waiting.push({ envelope, settle, fail });
    });
  }

  #flush(): void {
    const shards = this.#waiting;
    this.#waiting = new Map();
    inOneWrite(this.#redis, () => {
      for (const [shard, waiting] of shards) {
        for (let start = 0; start < waiting.length; start += MAX_BATCH) {
          void this.#send(shard, waiting.slice(start, start + MAX_BATCH));
        }
      }
    });
  }

  async #send(shard: number, batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#admitAll(
        shard,
        batch.map(({ envelope }) => envelope),
      );
      for (const [index, waiting] of batch.entries()) waiting.settle(outcomes?.[index] ?? 'no-log');
    } catch (error) {
      for (const waiting of batch) waiting.fail(error);
    }
  }

  /** Learns the epoch once when it is another one than this process knew. */
  async #admitAll(shard: number, envelopes: readonly Admittable[]): Promise<readonly Admission[] | undefined> {
    let epoch = this.#epochs.get(shard) ?? (await this.#redis.get(redisKeys.epoch(shard))) ?? undefined;
    for (let attempt = 0; attempt < 2 && epoch !== undefined; attempt += 1) {
      this.#epochs.set(shard, epoch);
      const reply = await this.#script.run(shard, epoch, envelopes);
      if (reply.kind === 'decided') return reply.admissions;
      epoch = reply.current;
    }
    this.#epochs.delete(shard);
    return undefined;
  }
}
