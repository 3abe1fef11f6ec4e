import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tellBroker } from '../../cli/broker-logins/tell-broker.ts';
import type { CommandFailure } from '../process/failure.ts';
import { describeExit } from '../process/exit-status.ts';
import { openGuard, type Guard } from '../process/guard.ts';
import { runProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import { startBroker } from './broker.ts';
import { requireFreePorts } from './check-ports.ts';
import { compiledProgram } from './compiled.ts';
import { adminPort, plainEnvironment, type IngestBroker, type ServiceName, type Stores } from './environment.ts';
import { lockFolder } from './lock-folder.ts';
import { LoginsFollower } from './logins-follower.ts';
import { loadSecret } from './secrets.ts';
import type { StackSettings } from './settings.ts';
import { startPglite } from './start-pglite.ts';
import { startRedis } from './start-redis.ts';
import { startsBroker } from './starts-broker.ts';
import { isReady, startService } from './start-service.ts';
import { withoutLogin } from './urls.ts';

const SERVICE_READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

/** Started in this order and stopped in the reverse one: the front door closes first. */
const SERVICES: readonly ServiceName[] = ['worker', 'broadcaster', 'ingest'];

/** The whole platform, each service a process of its own, as in production. */
export class Stack {
  readonly settings: StackSettings;
  readonly #tell: (line: string) => void;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #uncleanStops: string[] = [];
  #guard: Guard | undefined;
  #mqttUrl: string | undefined;
  #closing = false;
  #fail: (failure: CommandFailure) => void = () => undefined;
  /** Fulfilled when a process ends that nobody asked to end. */
  readonly failed: Promise<CommandFailure>;

  constructor(settings: StackSettings, tell: (line: string) => void) {
    this.settings = settings;
    this.#tell = tell;
    this.failed = new Promise((resolve) => (this.#fail = resolve));
  }

  logPath(name: string): string {
    return join(this.settings.TELLTALE_DEV_DIR, 'logs', `${name}.log`);
  }

  async start(): Promise<Stores> {
    const folder = this.settings.TELLTALE_DEV_DIR;
    await mkdir(join(folder, 'logs'), { recursive: true, mode: 0o700 });
    await requireFreePorts(this.settings);
    this.onClose(await lockFolder(folder));
    this.#guard = openGuard();
    this.onClose(this.#guard);
    const redisUrl = this.settings.REDIS_URL ?? (await this.#startRedis());
    const databaseUrl = this.settings.DATABASE_URL ?? (await this.#startDatabase());
    await this.run('migrate', ['scripts/migrate.js'], { redisUrl, databaseUrl });
    const stores = { redisUrl, databaseUrl, broker: await this.#findBroker(redisUrl, databaseUrl) };
    await this.#startServices(stores);
    return stores;
  }

  /** Where devices publish, once it is started; undefined without a broker. */
  get mqttUrl(): string | undefined {
    return this.#mqttUrl;
  }

  /** Runs a program of ours to its end. */
  async run(name: string, [program = '', ...args]: readonly string[], stores: Stores): Promise<RunningProcess> {
    return runProcess(
      {
        name,
        command: process.execPath,
        args: ['--enable-source-maps', compiledProgram(program), ...args],
        env: { ...plainEnvironment(process.env), DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl },
        logPath: this.logPath(name),
      },
      this.#openGuard(),
    );
  }

  /** A process that has to live as long as the stack. */
  async keep(start: (guard: Guard) => Promise<RunningProcess>): Promise<RunningProcess> {
    const running = await start(this.#openGuard());
    this.#keepRunning(running);
    return running;
  }

  onClose(resource: AsyncDisposable): void {
    this.#closers.push(async () => resource[Symbol.asyncDispose]());
  }

  /** Answers what did not stop as it should have. */
  async close(): Promise<readonly string[]> {
    this.#closing = true;
    for (const close of this.#closers.splice(0).reverse()) await close();
    return this.#uncleanStops;
  }

  async #startRedis(): Promise<string> {
    const folder = this.settings.TELLTALE_DEV_DIR;
    const redis = await startRedis(
      {
        port: this.settings.TELLTALE_DEV_REDIS_PORT,
        password: await loadSecret(folder, 'redis-password'),
        folder: join(folder, 'redis'),
        logPath: this.logPath('redis'),
      },
      this.#openGuard(),
    );
    this.#keepRunning(redis.process);
    return redis.url;
  }

  async #startDatabase(): Promise<string> {
    this.#tell('Opening the embedded database (the first time takes about 10 s)...');
    const pglite = await startPglite(
      {
        port: this.settings.TELLTALE_DEV_POSTGRES_PORT,
        folder: join(this.settings.TELLTALE_DEV_DIR, 'pglite'),
        logPath: this.logPath('pglite'),
      },
      this.#openGuard(),
    );
    this.#keepRunning(pglite.process);
    return pglite.url;
  }

  /** The one that the user named, else one of our own; undefined where Mosquitto is not installed. */
  async #findBroker(redisUrl: string, databaseUrl: string): Promise<IngestBroker | undefined> {
    const { MQTT_URL: url } = this.settings;
    if (url !== undefined) {
      this.#mqttUrl = withoutLogin(url);
      return { url };
    }
    if (!startsBroker(this.settings)) return undefined;
    const { TELLTALE_DEV_MQTT_PORT: port, TELLTALE_DEV_DIR: devDir } = this.settings;
    const logPath = this.logPath('mosquitto');
    const broker = await startBroker({ port, devDir, databaseUrl, logPath }, this.#openGuard());
    this.#keepRunning(broker.process);
    const { process: running, logins: target } = broker;
    const reload = () => !running.hasExited && tellBroker(running.pid);
    this.onClose(new LoginsFollower({ target, reload, redisUrl, tell: this.#tell }));
    this.#mqttUrl = broker.url;
    return broker.ingest;
  }

  async #startServices(stores: Stores): Promise<void> {
    this.#tell('Starting the services...');
    const guard = this.#openGuard();
    const started: { service: ServiceName; running: RunningProcess }[] = [];
    for (const service of SERVICES) {
      const running = await startService({ service, stores, logPath: this.logPath(service) }, guard);
      this.#keepRunning(running);
      started.push({ service, running });
    }
    for (const { service, running } of started) {
      const port = adminPort(service, this.settings);
      await waitUntilReady(running, () => isReady(port), SERVICE_READY_DEADLINE_MS);
    }
  }

  #keepRunning(running: RunningProcess): void {
    void running.exited.then((status) => {
      if (!running.isStopping) this.#fail(running.explain(`ended by itself (${describeExit(status)})`));
    });
    this.onClose({
      [Symbol.asyncDispose]: async () => {
        const status = await running.stop(STOP_DEADLINE_MS);
        if (status.code !== 0) this.#uncleanStops.push(`${running.name} ended with ${describeExit(status)}`);
      },
    });
  }

  #openGuard(): Guard {
    if (this.#guard === undefined || this.#closing) throw new Error('the stack is not running');
    return this.#guard;
  }
}
