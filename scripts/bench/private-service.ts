import { join } from 'node:path';
import { compiledProgram } from '../dev-stack/compiled.ts';
import { serviceEnvironment, type ServiceName, type Stores } from '../dev-stack/environment.ts';
import { isReady } from '../dev-stack/start-service.ts';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';
import { startProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

export interface PrivateService extends AsyncDisposable {
  readonly adminPort: number;
  readonly pid: number;
  readonly untilReady: () => Promise<void>;
}

export interface PrivateServiceOptions {
  readonly name: Exclude<ServiceName, 'ingest'>;
  readonly stores: Stores;
  /** For its log. */
  readonly folder: string;
  readonly guard: Guard;
  /** Where subscribers connect, of the broadcaster. */
  readonly port?: number | undefined;
  /** Beside those of the environment. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A compiled service as a process of its own. Its settings in the environment apply, but for its addresses. */
export async function startPrivateService({
  name,
  stores,
  folder,
  guard,
  port,
  settings = {},
}: PrivateServiceOptions): Promise<PrivateService> {
  const adminPort = await findFreePort();
  const prefix = `TELLTALE_${name.toUpperCase()}`;
  const running = await startProcess(
    {
      name,
      command: process.execPath,
      args: ['--enable-source-maps', compiledProgram(`services/${name}/main.js`)],
      env: {
        ...serviceEnvironment(name, process.env, stores),
        [`${prefix}_ADMIN_PORT`]: String(adminPort),
        ...settings,
        ...(port !== undefined && { [`${prefix}_HOST`]: '127.0.0.1', [`${prefix}_PORT`]: String(port) }),
      },
      logPath: join(folder, `${name}.log`),
    },
    guard,
  );
  return {
    adminPort,
    pid: running.pid,
    untilReady: () => waitUntilReady(running, () => isReady(adminPort), READY_DEADLINE_MS),
    [Symbol.asyncDispose]: async () => {
      await running.stop(STOP_DEADLINE_MS);
    },
  };
}
