import { alertFrameSchema } from '../../contracts/alert-transition.ts';
import { redisChannels } from '../../contracts/redis-keys.ts';
import type { Logger } from '../../platform/log/logger.ts';
import { keepSubscribed } from '../../platform/redis/keep-subscribed.ts';
import type { RedisConnection } from '../../platform/redis/open-redis.ts';
import type { BroadcasterMetrics } from './metrics.ts';

const BEAT_EVERY_MS = 1000;
/** Three beats without an answer. */
const SILENT_AFTER_MS = 3000;

export interface AlertFeedOptions {
  /** A connection of its own: one that subscribes can do nothing else. */
  readonly subscriber: RedisConnection;
  readonly onFrame: (frame: string) => void;
  readonly metrics: BroadcasterMetrics;
  readonly log: Logger;
}

/** The alert frames that the workers publish. What is none goes no further. */
export class AlertFeed {
  readonly #options: AlertFeedOptions;
  #answeredAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AlertFeedOptions) {
    this.#options = options;
  }

  /** Whether Redis answers: a network that has parted leaves the connection open. */
  get alive(): boolean {
    const { subscriber } = this.#options;
    return subscriber.status === 'ready' && performance.now() - this.#answeredAtMs < SILENT_AFTER_MS;
  }

  async start(): Promise<void> {
    const { subscriber, log } = this.#options;
    subscriber.on('message', (_channel, message) => this.#receive(message));
    await keepSubscribed(subscriber, redisChannels.alerts, log);
    this.#answeredAtMs = performance.now();
    this.#timer = setInterval(() => void this.#beat(), BEAT_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    try {
      await this.#options.subscriber.ping();
      this.#answeredAtMs = performance.now();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'Redis did not answer a ping');
    }
  }

  #receive(message: string): void {
    const { onFrame, metrics, log } = this.#options;
    if (isAlertFrame(message)) {
      onFrame(message);
    } else {
      metrics.foreignMessages.inc();
      log.warn({ length: message.length }, 'a message on the alert channel is no alert frame; nobody gets it');
    }
  }
}

function isAlertFrame(message: string): boolean {
  try {
    return alertFrameSchema.safeParse(JSON.parse(message)).success;
  } catch {
    return false;
  }
}
