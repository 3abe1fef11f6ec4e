import { parseHeardHash, ruleOfHeardField } from '../../../contracts/heard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Heard } from '../../../core/detection/quorum/heard.ts';
import type { HeardByRule } from '../../../core/detection/quorum/quorums.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** Not heard for so long, a device is forgotten. */
const FORGET_AFTER_US = 86_400e6;

/** Who has been heard, of all shards, as their detection wrote it a second ago at most. */
export class HeardDevices {
  readonly #redis: Redis;
  readonly #shardCount: number;
  /** A node of a cluster that does not answer leaves what it said before. */
  readonly #shards = new Map<number, readonly (readonly [string, Heard])[]>();

  constructor(redis: Redis, shardCount: number) {
    this.#redis = redis;
    this.#shardCount = shardCount;
  }

  async read(nowUs: number): Promise<HeardByRule> {
    const shards = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    await Promise.allSettled(shards.map((shard) => this.#readShard(shard, nowUs)));
    const byRule = new Map<string, Map<string, Heard>>();
    for (const [rule, heard] of [...this.#shards.values()].flat()) {
      const known = byRule.get(rule);
      if (known === undefined) byRule.set(rule, new Map([[heard.device, heard]]));
      else known.set(heard.device, heard);
    }
    return byRule;
  }

  async #readShard(shard: number, nowUs: number): Promise<void> {
    const key = redisKeys.heard(shard);
    const records: (readonly [string, Heard])[] = [];
    const forgotten: string[] = [];
    const { heard, unreadable } = parseHeardHash(await this.#redis.hgetall(key));
    for (const [field, one] of heard) {
      if (nowUs - one.atUs > FORGET_AFTER_US) forgotten.push(field);
      else records.push([ruleOfHeardField(field), one]);
    }
    forgotten.push(...unreadable);
    this.#shards.set(shard, records);
    if (forgotten.length > 0) await this.#redis.hdel(key, ...forgotten);
  }
}
