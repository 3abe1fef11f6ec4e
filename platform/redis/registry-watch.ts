import { redisChannels, redisKeys } from '../../contracts/redis-keys.ts';
import type { Logger } from '../log/logger.ts';
import { keepSubscribed } from './keep-subscribed.ts';
import type { Redis, RedisConnection } from './open-redis.ts';

/** A change that was not announced (Pub/Sub delivers at most once) is noticed within this time. */
const CHECK_EVERY_MS = 1000;

export interface RegistryWatchOptions {
  readonly redis: Redis;
  /** A connection of its own: one that subscribes can do nothing else. */
  readonly subscriber: RedisConnection;
  readonly onChange: () => void;
  readonly log: Logger;
}

/** Tells when the registry's version moves: at once when it is announced, else at the next check. */
export class RegistryWatch {
  readonly #options: RegistryWatchOptions;
  #version: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RegistryWatchOptions) {
    this.#options = options;
  }

  /** Undefined while nothing is projected. What is read from the projection after asking is of this version or a newer one. */
  get version(): number | undefined {
    return this.#version;
  }

  /** Somebody has met this version before it was announced. */
  advance(version: number): void {
    if (this.#version === undefined || version > this.#version) this.#see(version);
  }

  async start(): Promise<void> {
    const { subscriber, log } = this.#options;
    subscriber.on('message', (channel, version) => {
      if (channel === redisChannels.registryChanged) this.#see(Number(version));
    });
    await keepSubscribed(subscriber, redisChannels.registryChanged, log);
    await this.check();
    this.#timer = setInterval(() => void this.check(), CHECK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Looks now, and not only when it is told. */
  async check(): Promise<void> {
    try {
      const version = await this.#options.redis.get(redisKeys.registryVersion);
      this.#see(version === null ? undefined : Number(version));
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the version of the registry could not be read');
    }
  }

  #see(version: number | undefined): void {
    if (version === this.#version) return;
    this.#options.log.debug({ from: this.#version, to: version }, 'the registry changed');
    this.#version = version;
    this.#options.onChange();
  }
}
