import { deadLetterFields, type DeadLetter, type DeadLetterReason } from '../../../contracts/dead-letter.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';

export interface ShardLetter extends DeadLetter {
  readonly shard: number;
}

/** Puts entries that can never be stored among the dead letters: each with its reason, alone, so that the others go on. */
export class DeadLetterWriter {
  readonly #script: Script;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(redis: Redis, { metrics, log }: WorkerObservers) {
    this.#script = defineScript(redis, 'ttWriteDeadLetter', 'write-dead-letter.lua', import.meta.url);
    this.#metrics = metrics;
    this.#log = log;
  }

  /**
   * Acknowledges their entries as well. Rejects when one of them cannot be written; its entry is delivered again then. They
   * go out together: one after the other each would wait for a sync of its own.
   */
  async write(letters: readonly ShardLetter[]): Promise<void> {
    const written = new Map<DeadLetterReason, number>();
    const outcomes = await Promise.allSettled(
      letters.map(async (letter) => {
        if (await this.#writeOne(letter)) written.set(letter.reason, (written.get(letter.reason) ?? 0) + 1);
      }),
    );
    for (const [reason, count] of written) {
      this.#metrics.deadLetters.inc({ reason }, count);
      const last = letters.findLast((letter) => letter.reason === reason);
      const example = { shard: last?.shard, entry: last?.entry, error: last?.error };
      this.#log.error(
        { reason, count, example },
        'entries cannot be stored; they are in the dead letters: telltale dlq list',
      );
    }
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** False when the entry is acknowledged already. */
  async #writeOne({ shard, ...letter }: ShardLetter): Promise<boolean> {
    const keys = [redisKeys.deadLetters(shard), redisKeys.readings(shard)];
    return (await this.#script(keys, [consumerGroups.persist, letter.entry, ...deadLetterFields(letter)])) === 1;
  }
}
