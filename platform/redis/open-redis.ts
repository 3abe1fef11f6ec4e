import { Redis } from 'ioredis';
import { StartupError } from '../lifecycle/startup-error.ts';
import type { Logger } from '../log/logger.ts';

export type { Redis };

export interface RedisOptions {
  readonly url: string;
  readonly name: string;
  /**
   * `fail-fast`: a command without a connection, or without an answer in time, fails at once, for a service that answers
   * somebody. `patient`: blocking reads and loops that wait for Redis to come back.
   */
  readonly manner: 'fail-fast' | 'patient';
}

const COMMAND_TIMEOUT_MS = 2000;
/** Above every blocking read. A connection that owes an answer for longer is given up: a network that has parted does not close it. */
const SILENCE_TIMEOUT_MS = 10_000;
const LONGEST_RECONNECT_WAIT_MS = 1000;

export function openRedis({ url, name, manner }: RedisOptions, log: Logger): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    enableOfflineQueue: manner === 'patient',
    // A command that was under way when the connection broke must fail: with more retries and nothing sent again, ioredis
    // forgets it when the connection is back soon, and whoever waits for it waits for ever.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    socketTimeout: SILENCE_TIMEOUT_MS,
    ...(manner === 'fail-fast' && { commandTimeout: COMMAND_TIMEOUT_MS }),
    retryStrategy: (attempt) => Math.random() * Math.min(LONGEST_RECONNECT_WAIT_MS, 50 * 2 ** Math.min(attempt, 10)),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  let reported = false;
  redis.on('error', (error) => {
    if (!reported) log.warn({ err: { message: error.message }, connection: name }, 'Redis connection lost');
    reported = true;
  });
  redis.on('ready', () => {
    if (reported) log.info({ connection: name }, 'Redis connection is back');
    reported = false;
  });
  return redis;
}

/** Resolves when the connection can be used; rejects when it cannot within the time. */
export async function waitForRedis(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const onReady = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      redis.off('ready', onReady);
      reject(new StartupError('Redis does not answer. Check REDIS_URL and that the server runs.'));
    }, timeoutMs);
    redis.once('ready', onReady);
  });
}
