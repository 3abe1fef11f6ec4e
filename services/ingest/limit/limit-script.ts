import { intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

/** One request to be counted. */
export interface Countable {
  readonly key: string;
  /** All must allow; the same array for those that are treated alike. */
  readonly policies: readonly LimitPolicy[];
}

export type Count =
  | { readonly allowed: true; readonly scarcest: LimitPolicy; readonly remaining: number }
  | { readonly allowed: false; readonly refusedBy: LimitPolicy; readonly waitUs: number };

/** Runs limit.lua for keys of one node. Rejects when Redis does not answer. */
export class LimitScript {
  readonly #script: Script;

  constructor(redis: Redis) {
    this.#script = defineScript(redis, 'ttLimit', 'limit.lua', import.meta.url);
  }

  async run(requests: readonly Countable[]): Promise<readonly Count[]> {
    const sets = new Map<readonly LimitPolicy[], number>();
    for (const { policies } of requests) {
      if (!sets.has(policies)) sets.set(policies, sets.size + 1);
    }
    const values = [sets.size];
    for (const policies of sets.keys()) {
      values.push(policies.length);
      for (const policy of policies) values.push(intervalUsOf(policy), policy.quota);
    }
    const keys: string[] = [];
    for (const { key, policies } of requests) {
      keys.push(key);
      values.push(sets.get(policies) ?? 0);
    }
    const reply = await this.#script(keys, values);
    const numbers: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return requests.map(({ policies }, index) => countOf(policies, numbers[2 * index], numbers[2 * index + 1]));
  }
}

function countOf(policies: readonly LimitPolicy[], verdict: unknown, amount: unknown): Count {
  const policy = typeof verdict === 'number' ? policies[Math.abs(verdict) - 1] : undefined;
  if (policy === undefined || typeof amount !== 'number') {
    throw new Error('limit.lua answered for another number of requests');
  }
  return Number(verdict) > 0
    ? { allowed: true, scarcest: policy, remaining: amount }
    : { allowed: false, refusedBy: policy, waitUs: amount };
}
