import { sumMetric } from '../../scripts/dev-stack/read-metrics.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import { connectSubscriber, openSubscriber, type AlertSubscriber } from './alert-subscriber.ts';
import { startService, type ServiceSettings, type TestService } from './process.ts';

/** The broadcaster as a process of its own, and those who are connected to it. */
export class RunningBroadcaster {
  readonly port: number;
  readonly #settings: ServiceSettings;
  #service: TestService;
  readonly #subscribers: AlertSubscriber[] = [];

  constructor(service: TestService, settings: ServiceSettings, port: number) {
    this.port = port;
    this.#settings = settings;
    this.#service = service;
  }

  get running(): RunningProcess {
    return this.#service.running;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws/alerts`;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Live, with alerts of every status. */
  async connect(): Promise<AlertSubscriber> {
    return this.#keep(await connectSubscriber(this.url));
  }

  /** Connected, and nothing more. */
  async open(protocols?: readonly string[], headers?: Readonly<Record<string, string>>): Promise<AlertSubscriber> {
    return this.#keep(await openSubscriber(this.url, protocols, headers));
  }

  #keep(subscriber: AlertSubscriber): AlertSubscriber {
    this.#subscribers.push(subscriber);
    return subscriber;
  }

  async kill9(): Promise<void> {
    this.running.kill('SIGKILL');
    await this.running.exited;
  }

  /** On the same port, ready. */
  async start(): Promise<void> {
    this.#service = await startService('broadcaster', this.#settings);
  }

  /** Sum over all labels. */
  async metric(name: string): Promise<number> {
    return sumMetric(await (await fetch(`${this.#service.adminUrl}/metrics`)).text(), name);
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.#service.adminUrl}/readyz`)).status === 200;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscriber of this.#subscribers) subscriber[Symbol.dispose]();
    await this.#service[Symbol.asyncDispose]();
  }
}

/** @param settings others than those that let everybody listen */
export async function startBroadcasterProcess(
  redisUrl: string,
  settings: ServiceSettings = { TELLTALE_BROADCASTER_PUBLIC: 'true' },
): Promise<RunningBroadcaster> {
  const port = await findFreePort();
  const all = { REDIS_URL: redisUrl, TELLTALE_BROADCASTER_PORT: String(port), ...settings };
  return new RunningBroadcaster(await startService('broadcaster', all), all, port);
}
