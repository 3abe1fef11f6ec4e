import { Cluster, Redis as RedisConnection, type CommonRedisOptions } from 'ioredis';
import { StartupError } from '../lifecycle/startup-error.ts';
import type { Logger } from '../log/logger.ts';

/** One server, or a cluster: the same commands, with keys of one hash tag at a time. */
export type Redis = RedisConnection | Cluster;
export type { RedisConnection };

export interface RedisOptions {
  /** Of a server; or of several nodes of a cluster, separated by commas. A cluster is waited for no longer than one of its nodes. */
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
/** How long a node that has taken over is not known, when nobody tells. */
const SLOTS_REFRESH_EVERY_MS = 1000;
const NODE_ERRORS_EVERY_MS = 10_000;
const DEFAULT_PORT = 6379;

export function openRedis(options: RedisOptions, log: Logger): Redis {
  const urls = urlsOf(options.url);
  const redis = urls.length > 1 ? openCluster(urls, options) : openConnection(options);
  reportOutages(redis, options.name, log);
  return redis;
}

/**
 * A connection for Pub/Sub. What is published on one node of a cluster is told on all of them; when the node is lost, the next
 * one of the list is asked.
 */
export function openSubscriber(options: Omit<RedisOptions, 'manner'>, log: Logger): RedisConnection {
  const urls = urlsOf(options.url);
  const [first = ''] = urls;
  const subscriber = openConnection({ url: first, name: options.name, manner: 'patient' });
  let turn = 0;
  subscriber.on('close', () => {
    turn += 1;
    // Read at each connecting.
    if (urls.length > 1) Object.assign(subscriber.options, addressOf(urls[turn % urls.length] ?? first));
  });
  reportOutages(subscriber, options.name, log);
  return subscriber;
}

/** A password may have a comma in it. */
function urlsOf(text: string): readonly string[] {
  return text.split(/,(?=rediss?:)/);
}

function openConnection({ url, name, manner }: RedisOptions): RedisConnection {
  return new RedisConnection(url, {
    ...commonOptions(name, manner),
    enableOfflineQueue: manner === 'patient',
    retryStrategy: waitBefore,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
}

/** The time of a command is that of its node; one that waits for a cluster that is away altogether would have none. */
class TimedCluster extends Cluster {
  override sendCommand(...[command, ...others]: Parameters<Cluster['sendCommand']>): unknown {
    command.setTimeout(COMMAND_TIMEOUT_MS);
    return super.sendCommand(command, ...others);
  }
}

function openCluster(urls: readonly string[], { name, manner }: RedisOptions): Cluster {
  const { credentials, tls } = readUrl(urls[0] ?? '');
  return new TimedCluster(urls.map(addressOf), {
    // No command waits for long: streams of a cluster are read without blocking.
    redisOptions: { ...commonOptions(name, 'fail-fast'), ...credentials, ...(tls && { tls: {} }) },
    enableOfflineQueue: manner === 'patient',
    // Certificates are for names.
    ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
    clusterRetryStrategy: waitBefore,
    slotsRefreshInterval: SLOTS_REFRESH_EVERY_MS,
    // As with one server: what was under way when a connection broke has an outcome that is not known, and is its caller's.
    retryDelayOnFailover: 0,
  });
}

function commonOptions(
  name: string,
  manner: RedisOptions['manner'],
): Pick<
  CommonRedisOptions,
  'connectionName' | 'autoResendUnfulfilledCommands' | 'maxRetriesPerRequest' | 'socketTimeout' | 'commandTimeout'
> {
  return {
    connectionName: name,
    // A command that was under way when the connection broke must fail: with more retries and nothing sent again, ioredis
    // forgets it when the connection is back soon, and whoever waits for it waits for ever.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    socketTimeout: SILENCE_TIMEOUT_MS,
    ...(manner === 'fail-fast' && { commandTimeout: COMMAND_TIMEOUT_MS }),
  };
}

function waitBefore(attempt: number): number {
  return Math.random() * Math.min(LONGEST_RECONNECT_WAIT_MS, 50 * 2 ** Math.min(attempt, 10));
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function addressOf(url: string): Address {
  const { host, port } = readUrl(url);
  return { host, port };
}

interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

function readUrl(text: string): Address & { readonly credentials: Credentials; readonly tls: boolean } {
  const url = new URL(text);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port === '' ? DEFAULT_PORT : url.port),
    credentials: {
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    },
    tls: url.protocol === 'rediss:',
  };
}

/** Once for each outage. Of the nodes of a cluster, which are tried again and again, now and then. */
function reportOutages(redis: Redis, name: string, log: Logger): void {
  let reported = false;
  const onError = (error: Error): void => {
    if (!reported) log.warn({ err: { message: error.message }, connection: name }, 'Redis connection lost');
    reported = true;
  };
  redis.on('error', onError);
  redis.on('ready', () => {
    if (reported) log.info({ connection: name }, 'Redis connection is back');
    reported = false;
  });
  if (!(redis instanceof Cluster)) return;
  let reportedAtMs = -Infinity;
  redis.on('node error', (error: Error, node: string) => {
    if (performance.now() - reportedAtMs < NODE_ERRORS_EVERY_MS) return;
    reportedAtMs = performance.now();
    log.warn(
      { err: { message: error.message }, connection: name, node },
      'a node of the Redis Cluster does not answer',
    );
  });
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
