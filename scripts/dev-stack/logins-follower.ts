import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openRedis, type Redis } from '../../platform/redis/open-redis.ts';
import type { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import { refreshLogins, type LoginsTarget } from '../../cli/broker-logins/refresh-logins.ts';
import type { LoginsMetrics } from './logins-metrics.ts';

/** How long a device that has just enrolled waits for its login. */
const POLL_MS = 500;
/** API keys also begin and end by the clock, without a change of the registry. */
const REFRESH_AT_LEAST_EVERY_MS = 10_000;

export interface LoginsFollowerOptions {
  readonly target: LoginsTarget;
  /** Makes the broker read its files again; false when it could not be told, which is tried again. */
  readonly reload: () => boolean;
  readonly redisUrl: string;
  readonly tell: (line: string) => void;
  readonly metrics?: { readonly logins: LoginsMetrics; readonly redis: RedisMetrics };
}

/** Writes the logins of a broker whenever the registry has changed, and makes it read them. */
export class LoginsFollower {
  readonly #options: LoginsFollowerOptions;
  readonly #redis: Redis;
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;
  #version: string | null = null;
  #refreshedAtMs = -Infinity;
  #failing = false;
  /** Whether the broker has to be told. At first, because whoever wrote the files before may not have come to it. */
  #owesReload = true;

  constructor(options: LoginsFollowerOptions) {
    this.#options = options;
    const log = createLogger('broker-logins', 'silent');
    this.#redis = openRedis({ url: options.redisUrl, name: 'broker-logins', manner: 'patient' }, log);
    options.metrics?.redis.watch('broker-logins', this.#redis);
    this.#finished = this.#run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // First, because a Redis that is away keeps its callers waiting.
    this.#redis.disconnect();
    await this.#finished;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#refresh();
        this.#failing = false;
      } catch (error) {
        this.#report(error);
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The first failure of a series; none of those that stopping brings about. */
  #report(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#options.metrics?.logins.failures.inc();
    if (this.#failing) return;
    this.#failing = true;
    this.#options.tell(`The logins of the broker could not be written, trying again: ${String(error)}`);
  }

  async #refresh(): Promise<void> {
    const version = await this.#redis.get(redisKeys.registryVersion);
    const isDue = performance.now() - this.#refreshedAtMs >= REFRESH_AT_LEAST_EVERY_MS;
    if (version !== this.#version || isDue) {
      const { devices, changed } = await refreshLogins(this.#options.target);
      this.#owesReload ||= changed;
      this.#version = version;
      this.#refreshedAtMs = performance.now();
      this.#options.metrics?.logins.refreshed(devices);
    }
    // A broker that is away reads the files when it starts; one that is just starting may have read the older ones.
    if (this.#owesReload && this.#options.reload()) this.#owesReload = false;
  }
}
