import type { Transition } from '../../contracts/alert-transition.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { AlertLog, type TransitionRequest } from '../../platform/redis/alert-log/alert-log.ts';
import { transitionRequest } from './alert-requests.ts';
import { FENCE } from './held.ts';

/** The alert log as a worker writes it, whose causes are one after the other. */
export class TestAlertLog implements Disposable {
  readonly redis: Redis;
  readonly #log: AlertLog;
  #causes = 0;

  constructor(redisUrl: string) {
    this.redis = openRedis({ url: redisUrl, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
    this.#log = new AlertLog(this.redis);
  }

  async append(
    kind: Transition['kind'],
    changes: Partial<TransitionRequest['transition']> = {},
  ): Promise<Transition | undefined> {
    this.#causes += 1;
    return await this.#log.append(transitionRequest(kind, this.#causes, changes), FENCE);
  }

  /** Of devices of their own, so that each is a new alert. */
  async raise(count: number, changes: Partial<TransitionRequest['transition']> = {}): Promise<void> {
    const first = this.#causes;
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        this.append('raised', { subject: `dev-${first + index}`, ...changes }),
      ),
    );
  }

  [Symbol.dispose](): void {
    this.redis.disconnect();
  }
}
