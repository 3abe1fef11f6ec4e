import { intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

/** Requests that were let through. */
export interface Passed {
  readonly key: string;
  /** The same array for those that are treated alike. */
  readonly policies: readonly LimitPolicy[];
  readonly requests: number;
}

/** Runs limit.lua for keys of one node. Rejects when Redis does not answer. */
export class LimitScript {
  readonly #script: Script;

  constructor(redis: Redis) {
    this.#script = defineScript(redis, 'ttLimit', 'limit.lua', import.meta.url);
  }

  /** Answers for each key and policy the theoretical arrival time, microseconds from now. */
  async run(passed: readonly Passed[]): Promise<readonly (readonly number[])[]> {
    const sets = new Map<readonly LimitPolicy[], number>();
    for (const { policies } of passed) {
      if (!sets.has(policies)) sets.set(policies, sets.size + 1);
    }
    const values = [sets.size];
    for (const policies of sets.keys()) values.push(policies.length, ...policies.map(intervalUsOf));
    const keys: string[] = [];
    for (const { key, policies, requests } of passed) {
      keys.push(key);
      values.push(sets.get(policies) ?? 0, requests);
    }
    const reply = await this.#script(keys, values);
    const numbers = Array.isArray(reply) ? reply.map(Number) : [];
    let at = 0;
    return passed.map(({ policies }) => numbers.slice(at, (at += policies.length)));
  }
}
