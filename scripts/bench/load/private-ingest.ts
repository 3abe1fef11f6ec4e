import { join } from 'node:path';
import { loadIngestConfig, type IngestConfig } from '../../../services/ingest/config.ts';
import { compiledProgram } from '../../dev-stack/compiled.ts';
import { serviceEnvironment } from '../../dev-stack/environment.ts';
import { isReady } from '../../dev-stack/start-service.ts';
import { findFreePort } from '../../process/free-port.ts';
import type { Guard } from '../../process/guard.ts';
import { startProcess } from '../../process/running-process.ts';
import { waitUntilReady } from '../../process/wait-until-ready.ts';

export interface PrivateIngest extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

/** Settings of ingest in the environment apply, but for its address. */
function ingestEnvironment(redisUrl: string, port: number, adminPort: number, mqttUrl = ''): NodeJS.ProcessEnv {
  return {
    ...serviceEnvironment('ingest', process.env, { redisUrl, databaseUrl: '' }),
    TELLTALE_INGEST_HOST: '127.0.0.1',
    TELLTALE_INGEST_PORT: String(port),
    TELLTALE_INGEST_ADMIN_PORT: String(adminPort),
    MQTT_URL: mqttUrl,
  };
}

export function loadBenchedConfig(): IngestConfig {
  return loadIngestConfig(ingestEnvironment('redis://127.0.0.1', 1, 1));
}

/** The compiled ingest service as a process of its own, started as `npm start` does. */
export async function startPrivateIngest(
  redisUrl: string,
  folder: string,
  guard: Guard,
  mqttUrl?: string,
): Promise<PrivateIngest> {
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const running = await startProcess(
    {
      name: 'ingest',
      command: process.execPath,
      args: ['--enable-source-maps', compiledProgram('services/ingest/main.js')],
      env: ingestEnvironment(redisUrl, port, adminPort, mqttUrl),
      logPath: join(folder, 'ingest.log'),
    },
    guard,
  );
  const stop = async () => {
    const { code } = await running.stop(STOP_DEADLINE_MS);
    if (code !== 0) console.error(running.explain('did not end in order').message);
  };
  try {
    await waitUntilReady(running, () => isReady(adminPort), READY_DEADLINE_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: running.pid, [Symbol.asyncDispose]: stop };
}
