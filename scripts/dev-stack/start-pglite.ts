import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { canConnect } from '../postgres/private-cluster.ts';
import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import { compiledProgram } from './compiled.ts';
import { plainEnvironment } from './environment.ts';

/** The first start writes the whole database: 9 s on an idle machine. */
const READY_DEADLINE_MS = 120_000;

export interface PgliteOptions {
  readonly port: number;
  readonly folder: string;
  readonly logPath: string;
}

export async function startPglite(
  options: PgliteOptions,
  guard: Guard,
): Promise<{ process: RunningProcess; url: string }> {
  await mkdir(dirname(options.folder), { recursive: true, mode: 0o700 });
  const running = await startProcess(
    {
      name: 'pglite',
      command: process.execPath,
      args: [compiledProgram('scripts/dev-stack/pglite-server.js'), options.folder, String(options.port)],
      env: plainEnvironment(process.env),
      logPath: options.logPath,
    },
    guard,
  );
  const url = `postgres://postgres@127.0.0.1:${options.port}/postgres`;
  await waitUntilReady(running, () => canConnect(url), READY_DEADLINE_MS);
  return { process: running, url };
}
