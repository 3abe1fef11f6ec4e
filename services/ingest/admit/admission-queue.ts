import { shardOf } from '../../../contracts/shard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { TurnBatcher } from '../turn-batcher.ts';
import { AdmitScript, type Admission, type Admittable } from './admit-script.ts';

export type AdmissionOutcome =
  | Exclude<Admission, 'stale'>
  /** Nobody has begun this shard's log, so that nothing can be admitted yet. */
  | 'no-log'
  /** Not admitted: the registry has changed to this version since the envelope was judged. */
  | { readonly staleBefore: number };

/** Larger batches hold Redis up for more than half a millisecond at a time. */
const MAX_BATCH = 64;

/** Admits envelopes, those of one event-loop turn and one shard together. */
export class AdmissionQueue {
  readonly #redis: Redis;
  readonly #script: AdmitScript;
  readonly #shardCount: number;
  readonly #epochs = new Map<number, string>();
  readonly #batcher: TurnBatcher<Admittable, AdmissionOutcome>;

  constructor(redis: Redis, shardCount: number, replayWindow: number) {
    this.#redis = redis;
    this.#script = new AdmitScript(redis, replayWindow);
    this.#shardCount = shardCount;
    this.#batcher = new TurnBatcher({
      redis,
      maxBatch: MAX_BATCH,
      run: (shard, envelopes) => this.#admitAll(shard, envelopes),
    });
  }

  /** Rejects when Redis fails: the envelope may or may not be in the log, and the device has to ask again. */
  admit(deviceId: string, envelope: Admittable): Promise<AdmissionOutcome> {
    return this.#batcher.run(shardOf(deviceId, this.#shardCount), envelope);
  }

  /** Learns the epoch once when it is another one than this process knew. */
  async #admitAll(shard: number, envelopes: readonly Admittable[]): Promise<readonly AdmissionOutcome[]> {
    let epoch = this.#epochs.get(shard) ?? (await this.#redis.get(redisKeys.epoch(shard))) ?? undefined;
    for (let attempt = 0; attempt < 2 && epoch !== undefined; attempt += 1) {
      this.#epochs.set(shard, epoch);
      const reply = await this.#script.run(shard, epoch, envelopes);
      if (reply.kind === 'decided') {
        const stale = { staleBefore: reply.trustVersion };
        return reply.admissions.map((admission) => (admission === 'stale' ? stale : admission));
      }
      epoch = reply.current;
    }
    this.#epochs.delete(shard);
    return envelopes.map(() => 'no-log');
  }
}
