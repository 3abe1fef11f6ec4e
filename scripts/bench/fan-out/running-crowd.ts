import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { CrowdOptions, CrowdResult } from './subscriber-crowd.ts';

const resultSchema = z.object({
  delivered: z.number(),
  alerts: z.array(z.object({ sockets: z.number(), lastAtMs: z.number() })),
  closed: z.number(),
});

const POLL_MS = 50;

/** Very many subscribers in a thread of their own. */
export class RunningCrowd implements AsyncDisposable {
  readonly #thread: Worker;

  private constructor(thread: Worker) {
    this.#thread = thread;
  }

  /** All are connected when it returns. */
  static async open(options: CrowdOptions): Promise<RunningCrowd> {
    const file = new URL(`./crowd-thread${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(file, { workerData: options });
    await once(thread, 'message');
    return new RunningCrowd(thread);
  }

  async untilLive(sockets: number, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const lives = z.number().parse(await this.#ask('lives'));
      if (lives >= sockets) return;
      if (performance.now() > deadline) throw new Error(`${lives} of ${sockets} subscribers are live`);
      await delay(POLL_MS);
    }
  }

  /** What came since the last call. */
  async take(): Promise<CrowdResult> {
    return resultSchema.parse(await this.#ask('take'));
  }

  async #ask(question: string): Promise<unknown> {
    const answer = once(this.#thread, 'message');
    this.#thread.postMessage(question);
    const [value] = (await answer) as unknown[];
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
