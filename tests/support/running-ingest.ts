import { ResourceStack } from '../../platform/lifecycle/resource-stack.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { loadIngestConfig } from '../../services/ingest/config.ts';
import { startIngest } from '../../services/ingest/service.ts';
import type { ServiceSettings } from './process.ts';
import { assertNoSecrets } from './secrets.ts';
import { SHARD_COUNT } from './worker-stores.ts';

/** The whole service in this process, with its log in memory. */
export interface RunningIngest extends AsyncDisposable {
  readonly port: number;
  readonly adminUrl: string;
  /** Lines of JSON, debug level included. */
  readonly log: readonly string[];
}

export async function startIngestHere(redisUrl: string, settings: ServiceSettings = {}): Promise<RunningIngest> {
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const log: string[] = [];
  const logger = createLogger('ingest', 'debug', { write: (line: string) => void log.push(line) });
  const resources = new ResourceStack(logger);
  const config = loadIngestConfig({
    REDIS_URL: redisUrl,
    TELLTALE_SHARDS: String(SHARD_COUNT),
    // Tests that are about something else ask and fail as often as they like.
    TELLTALE_INGEST_BLOCK_AFTER: '1000000',
    TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000',
    TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: '100000',
    TELLTALE_INGEST_PORT: String(port),
    TELLTALE_INGEST_ADMIN_PORT: String(adminPort),
    ...settings,
  });
  try {
    await startIngest({
      config,
      log: logger,
      resources,
      fail: (error) => {
        throw error;
      },
    });
  } catch (error) {
    await resources.close();
    throw error;
  }
  return {
    port,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    log,
    [Symbol.asyncDispose]: async () => {
      await resources.close();
      assertNoSecrets('ingest', log);
    },
  };
}

/** Value of a sample by its name and labels, as `/metrics` writes them without the label `service`; 0 when there is none. */
export async function readSample(adminUrl: string, sample: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  for (const line of text.split('\n')) {
    const [name, value] = line
      .replace(/,?service="[^"]*"/, '')
      .replace('{}', '')
      .split(' ');
    if (name === sample) return Number(value);
  }
  return 0;
}
