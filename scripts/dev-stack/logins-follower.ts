import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openRedis, type Redis } from '../../platform/redis/open-redis.ts';
import { refreshLogins, type LoginsTarget } from '../../cli/broker-logins/refresh-logins.ts';

/** How long a device that has just enrolled waits for its login. */
const POLL_MS = 500;
/** API keys also begin and end by the clock, without a change of the registry. */
const REFRESH_AT_LEAST_EVERY_MS = 10_000;

export interface LoginsFollowerOptions {
  readonly target: LoginsTarget;
  /** Makes the broker read its files again. */
  readonly reload: () => void;
  readonly redisUrl: string;
  readonly tell: (line: string) => void;
  /** The logins are what the registry says: called every ten seconds at least. */
  readonly onCurrent?: () => void;
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

  constructor(options: LoginsFollowerOptions) {
    this.#options = options;
    const log = createLogger('broker-logins', 'silent');
    this.#redis = openRedis({ url: options.redisUrl, name: 'broker-logins', manner: 'patient' }, log);
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
    if (this.#stop.signal.aborted || this.#failing) return;
    this.#failing = true;
    this.#options.tell(`The logins of the broker could not be written, trying again: ${String(error)}`);
  }

  async #refresh(): Promise<void> {
    const version = await this.#redis.get(redisKeys.registryVersion);
    const isDue = performance.now() - this.#refreshedAtMs >= REFRESH_AT_LEAST_EVERY_MS;
    if (version === this.#version && !isDue) return;
    const { target, reload, onCurrent } = this.#options;
    const { changed } = await refreshLogins(target);
    if (changed) reload();
    this.#version = version;
    this.#refreshedAtMs = performance.now();
    onCurrent?.();
  }
}
