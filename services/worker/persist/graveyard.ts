import { deadLetterFields, type DeadLetter } from '../../../contracts/dead-letter.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { WorkerMetrics } from '../metrics.ts';

/** Where entries go that can never be stored: each with its reason, alone, so that the others go on. */
export class Graveyard {
  readonly #script: Script;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(redis: Redis, { metrics, log }: { readonly metrics: WorkerMetrics; readonly log: Logger }) {
    this.#script = defineScript(redis, 'ttBury', 'bury.lua', import.meta.url);
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Acknowledges the entry as well. Rejects when the letter cannot be written; the entry is delivered again then. */
  async bury(shard: number, letter: DeadLetter): Promise<void> {
    const { entry, reason, error } = letter;
    const buried = await this.#script(
      [redisKeys.deadLetters(shard), redisKeys.readings(shard)],
      [consumerGroups.persist, entry, ...deadLetterFields(letter)],
    );
    if (buried !== 1) return;
    this.#metrics.deadLetters.inc({ reason });
    this.#log.error({ shard, entry, reason, error }, 'an entry cannot be stored; it is in the dead letters');
  }
}
