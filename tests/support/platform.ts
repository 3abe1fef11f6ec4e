import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName, Stores } from '../../scripts/dev-stack/environment.ts';
import { sumMetric } from '../../scripts/dev-stack/read-metrics.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import type { ExitStatus } from '../../scripts/process/exit-status.ts';
import { eventually } from './eventually.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './postgres.ts';
import { startService, THIS_BUILD, type ServiceSettings, type TestService } from './process.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { runProgram } from './run-program.ts';

export const SERVICES: readonly ServiceName[] = ['worker', 'broadcaster', 'ingest'];

const STOP_DEADLINE_MS = 10_000;

export interface Stopped {
  readonly status: ExitStatus;
  readonly tookMs: number;
  /** What it wrote. */
  readonly lines: readonly string[];
}

/** The whole platform on private stores: each service is a process of its own, started as in production. */
export class TestPlatform {
  /** For what a test writes: fleets, ledgers. */
  readonly folder: string;
  readonly stores: Stores;
  readonly redis: TestRedis;
  readonly ingestUrl: string;
  readonly alertsUrl: string;
  /** The build that runs, unless `start` is told another one. */
  readonly tree: string;
  readonly #database: TestDatabase;
  readonly #settings: Readonly<Record<ServiceName, ServiceSettings>>;
  readonly #running = new Map<ServiceName, TestService>();

  constructor(
    folder: string,
    database: TestDatabase,
    redis: TestRedis,
    ports: { readonly ingest: number; readonly broadcaster: number },
    common: ServiceSettings,
    tree: string,
  ) {
    this.tree = tree;
    this.folder = folder;
    this.#database = database;
    this.redis = redis;
    this.stores = { databaseUrl: database.url, redisUrl: redis.url };
    this.ingestUrl = `http://127.0.0.1:${ports.ingest}`;
    this.alertsUrl = `ws://127.0.0.1:${ports.broadcaster}/ws/alerts`;
    this.#settings = {
      worker: { ...common, REDIS_URL: redis.url, DATABASE_URL: database.url },
      broadcaster: {
        ...common,
        REDIS_URL: redis.url,
        TELLTALE_BROADCASTER_PORT: String(ports.broadcaster),
        TELLTALE_BROADCASTER_PUBLIC: 'true',
      },
      ingest: { ...common, REDIS_URL: redis.url, TELLTALE_INGEST_PORT: String(ports.ingest) },
    };
  }

  /** Ready when it returns. After stop or kill9: on the same port. */
  async start(service: ServiceName, tree = this.tree): Promise<void> {
    this.#running.set(service, await startService(service, this.#settings[service], tree));
  }

  /** Asks with SIGTERM, as an orchestrator does. */
  async stop(service: ServiceName): Promise<Stopped> {
    const { running } = this.service(service);
    const askedMs = performance.now();
    const status = await running.stop(STOP_DEADLINE_MS);
    return { status, tookMs: performance.now() - askedMs, lines: running.lastLines(Infinity) };
  }

  async kill9(service: ServiceName): Promise<void> {
    const { running } = this.service(service);
    running.kill('SIGKILL');
    await running.exited;
  }

  service(service: ServiceName): TestService {
    const started = this.#running.get(service);
    if (started === undefined) throw new Error(`${service} was never started`);
    return started;
  }

  /** With the settings of the running one, for a second instance. */
  settingsOf(service: ServiceName): ServiceSettings {
    const { port } = new URL(this.service(service).adminUrl);
    return { ...this.#settings[service], [`TELLTALE_${service.toUpperCase()}_ADMIN_PORT`]: port };
  }

  /** Of a machine that is lost: nothing of either store is left but the configuration of Redis, which is not running then. */
  async wipeStores(): Promise<void> {
    await this.redis.wipe();
    await this.#database.wipe();
  }

  /** Sum over all labels. */
  async metric(service: ServiceName, name: string): Promise<number> {
    const response = await fetch(`${this.service(service).adminUrl}/metrics`);
    return sumMetric(await response.text(), name);
  }

  /** Resolves when so many readings more than now are acknowledged. */
  async accepts(readings: number, deadlineMs?: number): Promise<void> {
    const count = () => this.metric('ingest', 'ingest_readings_total');
    const enough = (await count()) + readings;
    const areAccepted = async (): Promise<void> =>
      assert.ok((await count()) >= enough, `${readings} readings more are not accepted`);
    await eventually(areAccepted, deadlineMs);
  }

  /** Returns when the services know the rules. */
  async applyRules(path: string): Promise<void> {
    const { databaseUrl, redisUrl } = this.stores;
    const settings = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
    await runProgram('scripts/admin.js', ['rules', path], settings, this.tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((service) => service[Symbol.asyncDispose]()));
    await this.redis[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * @param common settings of every service
 * @param tree the build that runs, and that has migrated the database
 */
export async function startPlatform(common: ServiceSettings = {}, tree = THIS_BUILD): Promise<TestPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-platform-'));
  const [database, redis] = await Promise.all([
    tree === THIS_BUILD ? createTestDatabase() : createEmptyDatabase(),
    startRedis(),
  ]);
  const ports = { ingest: await findFreePort(), broadcaster: await findFreePort() };
  const platform = new TestPlatform(folder, database, redis, ports, common, tree);
  try {
    if (tree !== THIS_BUILD) await runProgram('scripts/migrate.js', [], { DATABASE_URL: database.url }, tree);
    await Promise.all(SERVICES.map((service) => platform.start(service)));
    return platform;
  } catch (error) {
    await platform[Symbol.asyncDispose]();
    throw error;
  }
}
