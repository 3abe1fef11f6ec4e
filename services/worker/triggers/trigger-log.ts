import { formatTrigger, type LoggedTrigger } from '../../../contracts/trigger.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Cause } from '../../../core/alerts/alert-state.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { FencedError, type Fence } from '../../../platform/redis/alert-log/alert-log.ts';

export interface TriggerRequest {
  readonly cause: Cause;
  readonly logged: LoggedTrigger;
}

/** The stream of triggers: each cause gives one, however often the log is evaluated. */
export class TriggerLog {
  readonly #append: Script;
  readonly #raiseFence: Script;

  constructor(redis: Redis) {
    this.#append = defineScript(redis, 'ttAppendTrigger', 'append-trigger.lua', import.meta.url);
    this.#raiseFence = defineScript(redis, 'ttRaiseFence', '../../../platform/redis/raise-fence.lua', import.meta.url);
  }

  /** From now on nobody with an older token can append. Rejects with a FencedError when somebody with a newer one has done that. */
  async takeOver(fence: Fence): Promise<void> {
    if ((await this.#raiseFence([redisKeys.triggerFence], [fence.lease, fence.token])) !== 1)
      throw new FencedError(fence);
  }

  /** @returns whether it is new. Rejects with a FencedError when somebody with a newer token has taken over. */
  async append({ cause, logged }: TriggerRequest, fence: Fence): Promise<boolean> {
    const { rule, device } = logged.news.trigger;
    const reply = await this.#append(
      [redisKeys.triggers, redisKeys.triggerCauses, redisKeys.triggerFence],
      [
        `${rule}|${device}`,
        cause.entryMs,
        cause.entrySeq,
        cause.index,
        formatTrigger(logged),
        fence.lease,
        fence.token,
      ],
    );
    const [outcome] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    if (outcome === 'fenced') throw new FencedError(fence);
    return outcome === 'appended';
  }
}
