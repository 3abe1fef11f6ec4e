import { join } from 'node:path';
import { compiledProgram } from '../dev-stack/compiled.ts';
import { serviceEnvironment, type Stores } from '../dev-stack/environment.ts';
import { isReady } from '../dev-stack/start-service.ts';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';
import { startProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

export interface PrivateWorker extends AsyncDisposable {
  readonly adminPort: number;
  readonly untilReady: () => Promise<void>;
}

/** The compiled worker as a process of its own. Settings of the worker in the environment apply, but for its address. */
export async function startPrivateWorker(stores: Stores, folder: string, guard: Guard): Promise<PrivateWorker> {
  const adminPort = await findFreePort();
  const running = await startProcess(
    {
      name: 'worker',
      command: process.execPath,
      args: ['--enable-source-maps', compiledProgram('services/worker/main.js')],
      env: {
        ...serviceEnvironment('worker', process.env, stores),
        TELLTALE_WORKER_ADMIN_PORT: String(adminPort),
      },
      logPath: join(folder, 'worker.log'),
    },
    guard,
  );
  return {
    adminPort,
    untilReady: () => waitUntilReady(running, () => isReady(adminPort), READY_DEADLINE_MS),
    [Symbol.asyncDispose]: async () => {
      await running.stop(STOP_DEADLINE_MS);
    },
  };
}
