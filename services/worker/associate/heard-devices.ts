import { HeardReader, ruleOfHeardField } from '../../../contracts/heard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Heard } from '../../../core/detection/quorum/heard.ts';
import type { HeardByRule } from '../../../core/detection/quorum/quorums.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** Not heard for so long, a device is forgotten. */
const FORGET_AFTER_US = 86_400e6;

/** A hash whose version has not changed is read all the same after this time: an earlier build writes no version. */
const READ_AT_LEAST_EVERY_MS = 2000;

interface Shard {
  readonly reader: HeardReader;
  heard: ReadonlyMap<string, Heard>;
  version: string | null;
  readAtMs: number;
}

/**
 * Who has been heard, of all shards, as their detection wrote it a second ago at most. It is read several times a second while
 * the earth shakes: what has not changed is not read, but for now and then.
 */
export class HeardDevices {
  /** Other devices than before, or another place of one. */
  isMoved = false;
  readonly #redis: Redis;
  /** A node of a cluster that does not answer leaves what it said before. */
  readonly #shards: readonly Shard[];
  readonly #byRule = new Map<string, Map<string, Heard>>();

  constructor(redis: Redis, shardCount: number) {
    this.#redis = redis;
    this.#shards = Array.from({ length: shardCount }, () => {
      return { reader: new HeardReader(), heard: new Map(), version: null, readAtMs: -Infinity };
    });
  }

  /** The same maps each time, grown newer. */
  async read(nowUs: number): Promise<HeardByRule> {
    this.isMoved = false;
    await Promise.allSettled(this.#shards.map((shard, number) => this.#readShard(shard, number, nowUs)));
    return this.#byRule;
  }

  async #readShard(shard: Shard, number: number, nowUs: number): Promise<void> {
    // Before the hash: what is written in between is read the next time.
    const version = await this.#redis.get(redisKeys.heardVersion(number));
    const isSame = version !== null && version === shard.version;
    if (isSame && performance.now() - shard.readAtMs < READ_AT_LEAST_EVERY_MS) return;
    const key = redisKeys.heard(number);
    const { heard, unreadable } = shard.reader.read(await this.#redis.hgetall(key));
    const forgotten = [...unreadable];
    for (const [field, one] of heard) {
      if (nowUs - one.atUs > FORGET_AFTER_US) {
        heard.delete(field);
        forgotten.push(field);
      } else if (shard.heard.get(field) !== one) this.#keep(field, one);
    }
    for (const [field, { device }] of shard.heard) if (!heard.has(field)) this.#drop(ruleOfHeardField(field), device);
    shard.heard = heard;
    shard.version = version;
    shard.readAtMs = performance.now();
    if (forgotten.length > 0) await this.#redis.hdel(key, ...forgotten);
  }

  #keep(field: string, one: Heard): void {
    const rule = ruleOfHeardField(field);
    const known = this.#byRule.get(rule) ?? new Map<string, Heard>();
    this.#byRule.set(rule, known);
    const before = known.get(one.device)?.position;
    known.set(one.device, one);
    if (before?.lat !== one.position.lat || before.lon !== one.position.lon) this.isMoved = true;
  }

  #drop(rule: string, device: string): void {
    if (this.#byRule.get(rule)?.delete(device) === true) this.isMoved = true;
  }
}
