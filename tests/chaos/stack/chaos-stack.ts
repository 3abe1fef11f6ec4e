import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { compiledProgram } from '../../../scripts/dev-stack/compiled.ts';
import { serviceEnvironment, type ServiceName } from '../../../scripts/dev-stack/environment.ts';
import { startMosquitto } from '../../../scripts/dev-stack/start-mosquitto.ts';
import { startRedis, type RedisOptions } from '../../../scripts/dev-stack/start-redis.ts';
import { isReady } from '../../../scripts/dev-stack/start-service.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { Guard } from '../../../scripts/process/guard.ts';
import { startProcess } from '../../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../../scripts/process/wait-until-ready.ts';
import { standBefore, type CutOffServer } from '../../support/cut-off-server.ts';
import { Member } from './member.ts';
import type { ChaosDatabase } from './chaos-database.ts';
import { prepareEmbeddedServer } from './embedded-server.ts';
import { PostgresServer } from './postgres-server.ts';

export const MEMBERS = ['redis', 'postgres', 'mosquitto', 'worker', 'worker-2', 'broadcaster', 'ingest'] as const;
export type MemberName = (typeof MEMBERS)[number];

/** Ways between the parts that can be broken. */
export const WAYS = ['redis', 'postgres', 'mosquitto', 'ingest'] as const;
export type Way = (typeof WAYS)[number];

/** A worker is not ready before its database is, which may be away for a minute. */
const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 10_000;

export interface StackOptions {
  /** The database of `npm start` in place of PostgreSQL. */
  readonly embedded?: boolean;
  readonly redis?: Pick<RedisOptions, 'fsync' | 'environment'>;
}

/** Settings that a fault may change. */
type Settings = Readonly<Record<string, string>>;

/** A whole platform, two workers among it, whose members can be killed and frozen and whose connections can be cut. */
export class ChaosStack implements AsyncDisposable {
  readonly members: ReadonlyMap<MemberName, Member>;
  readonly ways: ReadonlyMap<Way, CutOffServer>;
  /** Of the servers themselves, not through the ways. */
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly database: ChaosDatabase;
  /** As devices see them. */
  readonly ingestUrl: URL;
  readonly mqttUrl: URL;
  readonly #ingestSettings: { current: Settings };
  readonly #problems: string[];

  private constructor(parts: Parts) {
    this.members = parts.members;
    this.ways = parts.ways;
    this.redisUrl = parts.redisUrl;
    this.databaseUrl = parts.database.url;
    this.database = parts.database;
    this.ingestUrl = new URL(parts.ingestUrl);
    this.mqttUrl = new URL(parts.mqttUrl);
    this.#ingestSettings = parts.ingestSettings;
    this.#problems = parts.problems;
  }

  static async open(folder: string, guard: Guard, options: StackOptions): Promise<ChaosStack> {
    const ports = new Map<string, number>();
    for (const name of ['redis', 'mosquitto', 'ingest', 'broadcaster', ...MEMBERS.map((member) => `${member} admin`)]) {
      ports.set(name, await findFreePort());
    }
    const portOf = (name: string): number => ports.get(name) ?? 0;
    const password = randomBytes(18).toString('base64url');
    const redisUrl = `redis://:${password}@127.0.0.1:${portOf('redis')}`;
    const database =
      options.embedded === true
        ? await prepareEmbeddedServer(join(folder, 'database'), guard)
        : await PostgresServer.prepare(guard);
    await mkdir(join(folder, 'logs'), { recursive: true });
    const problems: string[] = [];
    const before = async (url: string) => standBefore(url);
    const ways = {
      redis: await before(redisUrl),
      postgres: await before(database.url),
      mosquitto: await before(`mqtt://127.0.0.1:${portOf('mosquitto')}`),
      ingest: await before(`http://127.0.0.1:${portOf('ingest')}`),
    };
    const stores = {
      redisUrl: ways.redis.url,
      databaseUrl: ways.postgres.url,
      broker: { url: ways.mosquitto.url, group: 'chaos' },
    };
    const ingestSettings: { current: Settings } = { current: {} };
    const ownSettings = (name: MemberName): Settings => {
      const admin = String(portOf(`${name} admin`));
      switch (name) {
        case 'ingest':
          return {
            TELLTALE_INGEST_PORT: String(portOf('ingest')),
            TELLTALE_INGEST_ADMIN_PORT: admin,
            ...ingestSettings.current,
          };
        case 'broadcaster':
          return { TELLTALE_BROADCASTER_PORT: String(portOf('broadcaster')), TELLTALE_BROADCASTER_ADMIN_PORT: admin };
        default:
          return { TELLTALE_WORKER_ADMIN_PORT: admin };
      }
    };
    const startService = (service: ServiceName, name: MemberName) => async () => {
      const running = await startProcess(
        {
          name,
          command: process.execPath,
          args: ['--enable-source-maps', compiledProgram(`services/${service}/main.js`)],
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
    const starts: Record<MemberName, () => Promise<Awaited<ReturnType<typeof startProcess>>>> = {
      redis: async () => {
        const own = { ...options.redis, port: portOf('redis'), password, folder: join(folder, 'redis') };
        return (await startRedis(own, guard)).process;
      },
      postgres: database.start,
      mosquitto: async () =>
        (await startMosquitto({ port: portOf('mosquitto'), folder: join(folder, 'mosquitto') }, guard)).process,
      worker: startService('worker', 'worker'),
      'worker-2': startService('worker', 'worker-2'),
      broadcaster: startService('broadcaster', 'broadcaster'),
      ingest: startService('ingest', 'ingest'),
    };
    const members = new Map(
      MEMBERS.map((name) => [name, new Member(name, starts[name], (what) => problems.push(what))]),
    );
    const stack = new ChaosStack({
      members,
      ways: new Map(WAYS.map((way) => [way, ways[way].server])),
      ...{ redisUrl, database, ingestSettings, problems },
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

  member(name: MemberName): Member {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  way(way: Way): CutOffServer {
    const server = this.ways.get(way);
    if (server === undefined) throw new Error(`there is no way to ${way}`);
    return server;
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
    const redis = new Redis(this.redisUrl);
    redis.on('error', () => undefined);
    try {
      return await use(redis);
    } finally {
      redis.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...MEMBERS].reverse()) {
      await this.member(name).stop(name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    }
    for (const server of this.ways.values()) await server[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

interface Parts {
  readonly members: ReadonlyMap<MemberName, Member>;
  readonly ways: ReadonlyMap<Way, CutOffServer>;
  readonly redisUrl: string;
  readonly database: ChaosDatabase;
  readonly ingestUrl: string;
  readonly mqttUrl: string;
  readonly ingestSettings: { current: Settings };
  readonly problems: string[];
}
