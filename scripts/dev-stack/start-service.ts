import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { compiledProgram } from './compiled.ts';
import { serviceEnvironment, type ServiceName, type Stores } from './environment.ts';
import { showImportantLines } from './show-important-lines.ts';

export interface ServiceOptions {
  readonly service: ServiceName;
  readonly stores: Stores;
  readonly logPath: string;
}

export function startService(options: ServiceOptions, guard: Guard): Promise<RunningProcess> {
  const { service, stores, logPath } = options;
  return startProcess(
    {
      name: service,
      command: process.execPath,
      args: ['--enable-source-maps', compiledProgram(`services/${service}/main.js`)],
      env: serviceEnvironment(service, process.env, stores),
      logPath,
      onLine: showImportantLines(service),
    },
    guard,
  );
}

export async function isReady(adminPort: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`, { signal: AbortSignal.timeout(2000) });
  return response.status === 200;
}
