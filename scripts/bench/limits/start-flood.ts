import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FloodOptions, FloodResult } from './flood.ts';

export interface RunningFlood extends AsyncDisposable {
  readonly stop: () => Promise<FloodResult>;
}

/** Resolves when the flood has connected. */
export async function startFlood(options: FloodOptions): Promise<RunningFlood> {
  const file = new URL(`./flood-thread${extname(import.meta.url)}`, import.meta.url);
  const thread = new Worker(file, { workerData: options });
  await once(thread, 'message');
  return {
    stop: async () => {
      const result = new Promise<FloodResult>((resolve) => thread.once('message', resolve));
      thread.postMessage('stop');
      return await result;
    },
    [Symbol.asyncDispose]: async () => {
      await thread.terminate();
    },
  };
}
