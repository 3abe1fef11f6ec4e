import type { Logger } from '../log/logger.ts';
import type { RedisConnection } from './open-redis.ts';

/**
 * Subscribes now and whenever the connection is made again; resolves when Redis has confirmed the first time. The way of
 * ioredis itself is off: when the connection breaks again before the confirmation, it forgets the channel for good, and
 * leaves a rejection that nobody handles and that ends the process.
 *
 * @param onAgain is called after each later confirmation: what was published in between did not come
 */
export async function keepSubscribed(
  subscriber: RedisConnection,
  channel: string,
  log: Logger,
  onAgain: () => void = () => undefined,
): Promise<void> {
  subscriber.options.autoResubscribe = false;
  subscriber.on('ready', () => {
    subscriber
      .subscribe(channel)
      .then(onAgain)
      .catch((error: unknown) => log.debug({ err: error, channel }, 'not subscribed yet'));
  });
  await subscriber.subscribe(channel);
}
