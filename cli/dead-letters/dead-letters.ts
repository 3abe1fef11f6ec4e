import { ADMITTED_PACK_FIELD } from '../../contracts/admitted-pack.ts';
import { parseDeadLetter } from '../../contracts/dead-letter.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../platform/redis/script.ts';

/** Names a letter to people: `<shard>/<id in the shard's stream>`. */
export interface LetterName {
  readonly shard: number;
  readonly id: string;
}

export interface StoredLetter extends LetterName, ReturnType<typeof parseDeadLetter> {
  /** Unix milliseconds. */
  readonly buriedMs: number;
}

const NAME = /^(0|[1-9][0-9]{0,2})\/([0-9]{1,16}-[0-9]{1,16})$/;
const READ_AT_ONCE = 500;

export function formatLetterName({ shard, id }: LetterName): string {
  return `${shard}/${id}`;
}

export function parseLetterName(text: string): LetterName {
  const [, shard, id] = NAME.exec(text) ?? [];
  if (shard === undefined || id === undefined) {
    throw new UsageFailure(
      `${text} is not the name of a dead letter, such as 3/1790000000000-0: see "telltale dlq list"`,
    );
  }
  return { shard: Number(shard), id };
}

/** The dead letters of all shards of one Redis. */
export class DeadLetters {
  readonly #redis: Redis;
  readonly #replay: Script;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#replay = defineScript(redis, 'ttReplayDeadLetter', 'replay-dead-letter.lua', import.meta.url);
  }

  /** Shard by shard, the oldest first. */
  async *all(): AsyncGenerator<StoredLetter> {
    const shardCount = Number((await this.#redis.get(redisKeys.shardCount)) ?? '0');
    for (let shard = 0; shard < shardCount; shard += 1) {
      let after = '-';
      for (;;) {
        const entries = await this.#redis.xrange(redisKeys.deadLetters(shard), after, '+', 'COUNT', READ_AT_ONCE);
        for (const [id, flat] of entries) yield letterOf({ shard, id }, flat);
        const last = entries.at(-1)?.[0];
        if (last === undefined || entries.length < READ_AT_ONCE) break;
        after = `(${last}`;
      }
    }
  }

  async find(name: LetterName): Promise<StoredLetter | undefined> {
    const [entry] = await this.#redis.xrange(redisKeys.deadLetters(name.shard), name.id, name.id);
    return entry === undefined ? undefined : letterOf(name, entry[1]);
  }

  /** Puts it back at the end of the log, as it is. False when it is not there. */
  async replay({ shard, id }: LetterName): Promise<boolean> {
    const keys = [redisKeys.deadLetters(shard), redisKeys.readings(shard)];
    return (await this.#replay(keys, [id, ADMITTED_PACK_FIELD])) === 1;
  }

  /** For good. False when it is not there. */
  async discard({ shard, id }: LetterName): Promise<boolean> {
    return (await this.#redis.xdel(redisKeys.deadLetters(shard), id)) === 1;
  }
}

function letterOf(name: LetterName, flat: readonly string[]): StoredLetter {
  return { ...name, ...parseDeadLetter(flat), buriedMs: Number(name.id.split('-')[0]) };
}
