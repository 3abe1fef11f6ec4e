import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

/** What one device or address has used. */
export interface Passed {
  readonly key: string;
  /** Of the allowance under each policy: microseconds until it has come back. */
  readonly usedUs: readonly number[];
}

/** Runs limit.lua for keys of one node. Rejects when Redis does not answer. */
export class LimitScript {
  readonly #script: Script;

  constructor(redis: Redis) {
    this.#script = defineScript(redis, 'ttLimit', 'limit.lua', import.meta.url);
  }

  /** Answers for each key and policy the theoretical arrival time, microseconds from now. */
  async run(passed: readonly Passed[]): Promise<readonly (readonly number[])[]> {
    const keys = passed.map(({ key }) => key);
    const values = passed.flatMap(({ usedUs }) => [usedUs.length, ...usedUs]);
    const reply = await this.#script(keys, values);
    const numbers = Array.isArray(reply) ? reply.map(Number) : [];
    let at = 0;
    return passed.map(({ usedUs }) => numbers.slice(at, (at += usedUs.length)));
  }
}
