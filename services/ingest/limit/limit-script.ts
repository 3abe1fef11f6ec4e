import { intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

/** One request to be counted. All requests of one run have equally many policies and keys of one hash slot. */
export interface Countable {
  readonly key: string;
  readonly policies: readonly LimitPolicy[];
}

export interface Count {
  /** The policy that refuses; undefined when all allow. */
  readonly refusedBy: LimitPolicy | undefined;
  readonly waitUs: number;
  /** By policy, in their order. */
  readonly remaining: readonly number[];
}

/** Runs limit.lua. Rejects when Redis does not answer. */
export class LimitScript {
  readonly #script: Script;

  constructor(redis: Redis) {
    this.#script = defineScript(redis, 'ttLimit', 'limit.lua', import.meta.url);
  }

  async run(requests: readonly Countable[]): Promise<readonly Count[]> {
    const width = requests[0]?.policies.length ?? 0;
    const values: number[] = [width];
    for (const { policies } of requests) {
      for (const policy of policies) values.push(intervalUsOf(policy), policy.quota);
    }
    const reply = await this.#script(
      requests.map(({ key }) => key),
      values,
    );
    if (!Array.isArray(reply) || reply.length !== requests.length * (width + 2)) {
      throw new Error('limit.lua answered for another number of requests');
    }
    const numbers = reply.map(Number);
    return requests.map(({ policies }, index) => {
      const [refusedBy = 0, waitUs = 0, ...remaining] = numbers.slice(index * (width + 2), (index + 1) * (width + 2));
      return { refusedBy: policies[refusedBy - 1], waitUs, remaining };
    });
  }
}
