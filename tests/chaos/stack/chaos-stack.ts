import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '../../../platform/log/logger.ts';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { compiledProgram } from '../../../scripts/dev-stack/compiled.ts';
import { serviceEnvironment, type ServiceName } from '../../../scripts/dev-stack/environment.ts';
import { startMosquitto } from '../../../scripts/dev-stack/start-mosquitto.ts';
import type { RedisOptions } from '../../../scripts/dev-stack/start-redis.ts';
import { isReady } from '../../../scripts/dev-stack/start-service.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { Guard } from '../../../scripts/process/guard.ts';
import { startProcess } from '../../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../../scripts/process/wait-until-ready.ts';
import { standBefore, type CutOffServer } from '../../support/cut-off-server.ts';
import type { ChaosDatabase } from './chaos-database.ts';
import type { Breakable, ChaosRedis } from './chaos-redis.ts';
import { prepareClusterRedis } from './cluster-redis.ts';
import { prepareEmbeddedServer } from './embedded-server.ts';
import { Member } from './member.ts';
import { PostgresServer } from './postgres-server.ts';
import { prepareSingleRedis } from './single-redis.ts';

export const MEMBERS = ['redis', 'postgres', 'mosquitto', 'worker', 'worker-2', 'broadcaster', 'ingest'] as const;
export type MemberName = (typeof MEMBERS)[number];

/** Ways between the parts that can be broken. */
export const WAYS = ['redis', 'postgres', 'mosquitto', 'ingest'] as const;
export type Way = (typeof WAYS)[number];

/** A worker is not ready before its database is, which may be away for a minute. */
const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 10_000;
const REDIS_DEADLINE_MS = 30_000;

export interface StackOptions {
  /** The database of `npm start` in place of PostgreSQL. */
  readonly embedded?: boolean;
  /** Settings of ingest beside its own. */
  readonly ingest?: Settings;
  /** Whether the services can be inspected. */
  readonly inspect?: boolean;
  readonly redis?: Pick<RedisOptions, 'fsync' | 'environment'>;
  /** Three masters and three replicas in place of one Redis. */
  readonly cluster?: ClusterOptions | undefined;
}

export interface ClusterOptions {
  /** That ingest and workers wait for. */
  readonly waitReplicas: number;
}

/** Settings that a fault may change. */
type Settings = Readonly<Record<string, string>>;

/** A whole platform, two workers among it, whose members can be killed and frozen and whose connections can be cut. */
export class ChaosStack implements AsyncDisposable {
  readonly members: ReadonlyMap<MemberName, Breakable>;
  readonly ways: ReadonlyMap<Way, readonly CutOffServer[]>;
  readonly redis: ChaosRedis;
  /** Not through the way. */
  readonly databaseUrl: string;
  readonly database: ChaosDatabase;
  /** As devices see them. */
  readonly ingestUrl: URL;
  readonly mqttUrl: URL;
  readonly #ingestSettings: { current: Settings };
  readonly #problems: string[];
  readonly #portOf: (name: string) => number;

  private constructor(parts: Parts) {
    this.members = parts.members;
    this.ways = parts.ways;
    this.redis = parts.redis;
    this.databaseUrl = parts.database.url;
    this.database = parts.database;
    this.ingestUrl = new URL(parts.ingestUrl);
    this.mqttUrl = new URL(parts.mqttUrl);
    this.#ingestSettings = parts.ingestSettings;
    this.#problems = parts.problems;
    this.#portOf = parts.portOf;
  }

  static async open(folder: string, guard: Guard, options: StackOptions): Promise<ChaosStack> {
    const ports = new Map<string, number>();
    for (const name of [
      'mosquitto',
      'ingest',
      'broadcaster',
      ...MEMBERS.flatMap((member) => [`${member} admin`, `${member} inspector`]),
    ]) {
      ports.set(name, await findFreePort());
    }
    const portOf = (name: string): number => ports.get(name) ?? 0;
    const database =
      options.embedded === true
        ? await prepareEmbeddedServer(join(folder, 'database'), guard)
        : await PostgresServer.prepare(guard);
    await mkdir(join(folder, 'logs'), { recursive: true });
    const problems: string[] = [];
    const onEnd = (what: string): void => void problems.push(what);
    const redis =
      options.cluster === undefined
        ? await prepareSingleRedis(join(folder, 'redis'), guard, options.redis ?? {}, onEnd)
        : await prepareClusterRedis(join(folder, 'redis'), guard, onEnd);
    const before = async (url: string) => standBefore(url);
    const ways = {
      postgres: await before(database.url),
      mosquitto: await before(`mqtt://127.0.0.1:${portOf('mosquitto')}`),
      ingest: await before(`http://127.0.0.1:${portOf('ingest')}`),
    };
    const stores = {
      redisUrl: redis.url,
      databaseUrl: ways.postgres.url,
      broker: { url: ways.mosquitto.url, group: 'chaos' },
    };
    const ingestSettings: { current: Settings } = { current: options.ingest ?? {} };
    const ownSettings = (name: MemberName): Settings => {
      const admin = String(portOf(`${name} admin`));
      switch (name) {
        case 'ingest':
          return {
            TELLTALE_INGEST_PORT: String(portOf('ingest')),
            TELLTALE_INGEST_ADMIN_PORT: admin,
            TELLTALE_INGEST_WAIT_REPLICAS: String(options.cluster?.waitReplicas ?? 0),
            ...ingestSettings.current,
          };
        case 'broadcaster':
          return {
            TELLTALE_BROADCASTER_PORT: String(portOf('broadcaster')),
            TELLTALE_BROADCASTER_ADMIN_PORT: admin,
            TELLTALE_BROADCASTER_PUBLIC: 'true',
          };
        default:
          return {
            TELLTALE_WORKER_ADMIN_PORT: admin,
            TELLTALE_WORKER_WAIT_REPLICAS: String(options.cluster?.waitReplicas ?? 0),
          };
      }
    };
    const startService = (service: ServiceName, name: MemberName) => async () => {
      const running = await startProcess(
        {
          name,
          command: process.execPath,
          args: [
            ...(options.inspect === true ? [`--inspect=127.0.0.1:${portOf(`${name} inspector`)}`] : []),
            '--enable-source-maps',
            compiledProgram(`services/${service}/main.js`),
          ],
          env: { ...serviceEnvironment(service, {}, stores), PATH: process.env.PATH, ...ownSettings(name) },
          logPath: join(folder, 'logs', `${name}-${Date.now()}.log`),
        },
        guard,
      );
      try {
        await waitUntilReady(running, () => isReady(portOf(`${name} admin`)), READY_DEADLINE_MS);
        return running;
      } catch (error) {
        await running.stop(STOP_DEADLINE_MS);
        throw error;
      }
    };
    const starts = {
      postgres: database.start,
      mosquitto: async () =>
        (await startMosquitto({ port: portOf('mosquitto'), folder: join(folder, 'mosquitto') }, guard)).process,
      worker: startService('worker', 'worker'),
      'worker-2': startService('worker', 'worker-2'),
      broadcaster: startService('broadcaster', 'broadcaster'),
      ingest: startService('ingest', 'ingest'),
    };
    const members = new Map<MemberName, Breakable>(
      MEMBERS.map((name) => [name, name === 'redis' ? redis.member : new Member(name, starts[name], onEnd)]),
    );
    const stack = new ChaosStack({
      members,
      ways: new Map(WAYS.map((way) => [way, way === 'redis' ? redis.ways : [ways[way].server]])),
      ...{ redis, database, ingestSettings, problems, portOf },
      ingestUrl: ways.ingest.url,
      mqttUrl: ways.mosquitto.url,
    });
    try {
      for (const name of MEMBERS) {
        await stack.member(name).start();
        if (name !== 'postgres') continue;
        await database.createDatabase();
        await migrate(database.url, () => undefined);
      }
      return stack;
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  member(name: MemberName): Breakable {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  /** Of a service, when the services can be inspected. */
  inspectorPort(name: MemberName): number {
    return this.#portOf(`${name} inspector`);
  }

  /** Breaks the connections that are open now. */
  drop(way: Way): void {
    for (const server of this.ways.get(way) ?? []) server.drop();
  }

  /** The next start of ingest has these settings beside its own. */
  setIngest(settings: Settings): void {
    this.#ingestSettings.current = settings;
  }

  /** What went wrong that no fault explains, since the last call. */
  takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  async withRedis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
    const { url } = this.redis;
    const redis = openRedis({ url, name: 'chaos', manner: 'patient' }, createLogger('chaos', 'silent'));
    try {
      await waitForRedis(redis, REDIS_DEADLINE_MS);
      return await use(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** A setting of every server. */
  async configureRedis(name: string, value: string): Promise<void> {
    for (const url of this.redis.serverUrls) {
      const server = openRedis({ url, name: 'chaos', manner: 'patient' }, createLogger('chaos', 'silent'));
      try {
        await server.config('SET', name, value);
      } finally {
        server.disconnect();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...MEMBERS].reverse()) {
      await this.member(name).stop(name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    }
    for (const way of WAYS) if (way !== 'redis') await this.ways.get(way)?.[0]?.[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

interface Parts {
  readonly members: ReadonlyMap<MemberName, Breakable>;
  readonly ways: ReadonlyMap<Way, readonly CutOffServer[]>;
  readonly redis: ChaosRedis;
  readonly database: ChaosDatabase;
  readonly ingestUrl: string;
  readonly mqttUrl: string;
  readonly ingestSettings: { current: Settings };
  readonly problems: string[];
  readonly portOf: (name: string) => number;
}
