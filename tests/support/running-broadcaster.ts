import { sumMetric } from '../../scripts/dev-stack/read-metrics.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import { connectSubscriber, type AlertSubscriber } from './alert-subscriber.ts';
import { startService, type TestService } from './process.ts';

/** The broadcaster as a process of its own, and those who are connected to it. */
export class RunningBroadcaster {
  readonly running: RunningProcess;
  readonly port: number;
  readonly #service: TestService;
  readonly #subscribers: AlertSubscriber[] = [];

  constructor(service: TestService, port: number) {
    this.running = service.running;
    this.port = port;
    this.#service = service;
  }

  async connect(): Promise<AlertSubscriber> {
    const subscriber = await connectSubscriber(`ws://127.0.0.1:${this.port}/ws/alerts`);
    this.#subscribers.push(subscriber);
    return subscriber;
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

export async function startBroadcasterProcess(redisUrl: string): Promise<RunningBroadcaster> {
  const port = await findFreePort();
  const settings = { REDIS_URL: redisUrl, TELLTALE_BROADCASTER_PORT: String(port) };
  return new RunningBroadcaster(await startService('broadcaster', settings), port);
}
