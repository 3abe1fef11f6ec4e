import { join } from 'node:path';
import { plainEnvironment } from '../../scripts/dev-stack/environment.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { startProcess, type ProcessSpec, type RunningProcess } from '../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../scripts/process/wait-until-ready.ts';
import { endWithTests } from './end-with-tests.ts';
import { assertNoSecrets, findSecret } from './secrets.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

/** The compiled programs that are tested. */
export const THIS_BUILD = 'dist';

/** What a service is started with, besides the stores: its own settings. */
export type ServiceSettings = Readonly<Record<string, string>>;

export interface TestProcess extends AsyncDisposable {
  readonly running: RunningProcess;
}

/** A compiled program of the platform as a process of its own, ended with the test. */
export async function startProgram(
  program: string,
  args: readonly string[],
  settings: ServiceSettings,
  tree = THIS_BUILD,
): Promise<TestProcess> {
  const telling: string[] = [];
  const spec: ProcessSpec = {
    name: program,
    command: process.execPath,
    args: ['--enable-source-maps', join(tree, program), ...args],
    env: { ...plainEnvironment(process.env), ...settings },
    // In every test, whatever it is about: what a service writes has no secret in it.
    ...(program.startsWith('services/') && {
      onLine: (line: string) => {
        if (findSecret(line) !== undefined) telling.push(line);
      },
    }),
  };
  const running = await startProcess(spec);
  endWithTests(running);
  return {
    running,
    [Symbol.asyncDispose]: async () => {
      await running.stop(STOP_DEADLINE_MS);
      assertNoSecrets(program, telling);
    },
  };
}

export interface TestService extends TestProcess {
  readonly adminUrl: string;
}

/** A service of ours on a free admin port, ready when this returns. */
export async function startService(
  service: 'ingest' | 'worker' | 'broadcaster',
  settings: ServiceSettings,
  tree = THIS_BUILD,
): Promise<TestService> {
  const adminPort = await findFreePort();
  const ownSettings = { ...settings, [`TELLTALE_${service.toUpperCase()}_ADMIN_PORT`]: String(adminPort) };
  const started = await startProgram(`services/${service}/main.js`, [], ownSettings, tree);
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const isReady = async () => (await fetch(`${adminUrl}/readyz`)).status === 200;
  await waitUntilReady(started.running, isReady, READY_DEADLINE_MS);
  return { ...started, adminUrl };
}
