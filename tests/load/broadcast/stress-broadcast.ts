import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { AlertSource } from '../../../scripts/bench/fan-out/alert-source.ts';
import { openPrivateRedis } from '../../../scripts/bench/private-redis.ts';
import { startPrivateService } from '../../../scripts/bench/private-service.ts';
import { loadRunFile } from '../../../platform/config/run-file.ts';
import { parseStackSettings } from '../../../scripts/dev-stack/settings.ts';
import { CommandFailure } from '../../../scripts/process/failure.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { BroadcastClient } from './broadcast-client.ts';

export interface BroadcastOptions {
  readonly clients: number;
  readonly alerts: number;
  /** Of broadcasters that run, `ws://…/ws/alerts`; none for two private ones. */
  readonly urls: readonly string[];
  readonly token: string | undefined;
}

/** The last line of `npm run stress -- broadcast --json`. */
export interface BroadcastReport {
  readonly clients: number;
  readonly broadcasters: number;
  /** Alerts that have to come, over all clients. */
  readonly expected: number;
  /** Of these, those that came. */
  readonly delivered: number;
  /** Alerts that came again. */
  readonly doubled: number;
  /** From the request for an alert to a client that has it, 99th percentile. */
  readonly p99_ms: number;
  readonly longest_ms: number;
}

const EVERY_MS = 50;
const DELIVERED_WITHIN_MS = 15_000;
const LATE_MS = 500;
const CONNECT_TOGETHER = 50;
const RULE = 'stress-broadcast';

export async function stressBroadcast(options: BroadcastOptions, context: BenchContext): Promise<BroadcastReport> {
  if (options.urls.length === 0) return await onPrivatePlatform(options, context);
  const redisUrl = await findRedis();
  return await withRedis(redisUrl, (redis) => broadcast(options.urls, redis, options, context));
}

export function isProven({ expected, delivered, doubled }: BroadcastReport): boolean {
  return expected > 0 && delivered === expected && doubled === 0;
}

async function onPrivatePlatform(options: BroadcastOptions, context: BenchContext): Promise<BroadcastReport> {
  const { folder, guard } = context;
  await using redis = await openPrivateRedis(join(folder, 'redis'), 'always', guard);
  const ports = [await findFreePort(), await findFreePort()];
  const start = (port: number) =>
    startPrivateService({
      name: 'broadcaster',
      stores: { redisUrl: redis.url, databaseUrl: '' },
      folder,
      guard,
      port,
      settings: {
        TELLTALE_BROADCASTER_PUBLIC: 'true',
        TELLTALE_BROADCASTER_JWKS_PATH: '',
        TELLTALE_BROADCASTER_MAX_PER_ADDRESS: String(options.clients),
      },
    });
  await using first = await start(ports[0] ?? 0);
  await using second = await start(ports[1] ?? 0);
  await Promise.all([first.untilReady(), second.untilReady()]);
  const urls = ports.map((port) => `ws://127.0.0.1:${port}/ws/alerts`);
  return await withRedis(redis.url, (client) => broadcast(urls, client, { ...options, token: undefined }, context));
}

async function broadcast(
  urls: readonly string[],
  redis: Redis,
  { clients: count, alerts, token }: BroadcastOptions,
  { stop, say }: BenchContext,
): Promise<BroadcastReport> {
  const source = new AlertSource(redis, RULE);
  const clients: BroadcastClient[] = [];
  try {
    say(`${count} clients over ${urls.length} broadcasters`);
    for (let first = 0; first < count; first += CONNECT_TOGETHER) {
      const some = Array.from({ length: Math.min(CONNECT_TOGETHER, count - first) }, (_, index) => {
        return new BroadcastClient(urls[(first + index) % urls.length] ?? '', token);
      });
      clients.push(...some);
      await Promise.all(some.map((client) => client.untilLive(token !== undefined))).catch((error: unknown) => {
        const problem = some.find((client) => client.problem !== '')?.problem ?? String(error);
        throw new CommandFailure(`A client cannot listen: ${problem}.`);
      });
    }
    say(`${alerts} alerts`);
    const asked = new Map<string, number>();
    for (let alert = 0; alert < alerts && !stop.aborted; alert += 1) {
      const { subject, askedAtMs } = await source.raise();
      asked.set(subject, askedAtMs);
      await delay(EVERY_MS);
    }
    const expected = asked.size * clients.length;
    const deadline = performance.now() + DELIVERED_WITHIN_MS;
    while (countDelivered(clients, asked) < expected && performance.now() < deadline) await delay(EVERY_MS);
    // One that comes again would come now.
    await delay(LATE_MS);
    const report = reportOf(clients, asked, urls.length);
    await source.clearAll();
    return report;
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

function countDelivered(clients: readonly BroadcastClient[], asked: ReadonlyMap<string, number>): number {
  return clients.reduce(
    (sum, { raised }) => sum + [...asked.keys()].filter((subject) => raised.has(subject)).length,
    0,
  );
}

function reportOf(
  clients: readonly BroadcastClient[],
  asked: ReadonlyMap<string, number>,
  broadcasters: number,
): BroadcastReport {
  const latencies: number[] = [];
  let doubled = 0;
  for (const { raised } of clients) {
    for (const [subject, askedAtMs] of asked) {
      const [first, ...again] = raised.get(subject) ?? [];
      if (first !== undefined) latencies.push(first - askedAtMs);
      doubled += again.length;
    }
  }
  latencies.sort((a, b) => a - b);
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1] ?? 0;
  return {
    clients: clients.length,
    broadcasters,
    expected: clients.length * asked.size,
    delivered: latencies.length,
    doubled,
    p99_ms: Number(p99.toFixed(1)),
    longest_ms: Number((latencies.at(-1) ?? 0).toFixed(1)),
  };
}

async function findRedis(): Promise<string> {
  const settings = parseStackSettings(process.env);
  if (settings.REDIS_URL !== undefined) return settings.REDIS_URL;
  const running = await loadRunFile(settings.TELLTALE_DEV_DIR);
  if (running !== undefined) return running.redis_url;
  throw new CommandFailure(
    'With --url the alerts are raised in the Redis of that platform: set REDIS_URL, or start it here with "npm start".',
  );
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = openRedis({ url, name: 'stress', manner: 'patient' }, createLogger('stress', 'silent'));
  try {
    await waitForRedis(redis, 10_000);
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
