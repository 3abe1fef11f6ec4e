import { commandLineSettings } from '../../platform/config/fragments.ts';
import { ConfigError, loadConfig } from '../../platform/config/load-config.ts';
import type { RunFile } from '../../platform/config/run-file.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { loadRunning, lookForStores, type StoreUrls } from './find-stores.ts';

/** Where ingest and the broadcaster are when nobody says it, and nothing else is named. */
export const DEFAULT_INGEST_URL = 'http://127.0.0.1:8080';
export const DEFAULT_ALERTS_URL = 'ws://127.0.0.1:8081/ws/alerts';

/** Where devices post. @param given by the option `--url` */
export async function findIngestUrl(given: string | undefined): Promise<string> {
  return await findUrl('TELLTALE_INGEST_URL', given, {
    what: 'where its devices post',
    running: 'ingest_url',
    byDefault: DEFAULT_INGEST_URL,
  });
}

/** Where subscribers connect. @param given by the option `--url` */
export async function findAlertsUrl(given: string | undefined): Promise<string> {
  return await findUrl('TELLTALE_ALERTS_URL', given, {
    what: 'where its alerts are told',
    running: 'alerts_url',
    byDefault: DEFAULT_ALERTS_URL,
  });
}

/** Never of another platform than that whose stores the environment names. */
async function findUrl(
  setting: keyof typeof commandLineSettings,
  given: string | undefined,
  { what, running, byDefault }: { what: string; running: 'ingest_url' | 'alerts_url'; byDefault: string },
): Promise<string> {
  const named = given ?? readSettings()[setting];
  if (named !== undefined) return named;
  const stores = await lookForStores();
  const here = await loadRunning();
  if (here !== undefined && isOn(here, stores)) return here[running];
  const names = [
    ...(stores.databaseUrl === undefined ? [] : ['DATABASE_URL']),
    ...(stores.redisUrl === undefined ? [] : ['REDIS_URL']),
  ];
  if (names.length === 0) return byDefault;
  throw new UsageFailure(
    `${names.join(' and ')} ${names.length === 1 ? 'names' : 'name'} a platform, and not ${what}: give --url, or set ${setting}`,
  );
}

/** Whether the platform that runs here has the stores that are named. */
function isOn({ database_url: database, redis_url: redis }: RunFile, { databaseUrl, redisUrl }: StoreUrls): boolean {
  return (databaseUrl ?? database) === database && (redisUrl ?? redis) === redis;
}

function readSettings(): ReturnType<typeof loadConfig<typeof commandLineSettings>> {
  try {
    return loadConfig({ shape: commandLineSettings, foreignPrefixes: ['TELLTALE_'] }, process.env);
  } catch (error) {
    throw error instanceof ConfigError ? new CommandFailure(error.problems.join('\n')) : error;
  }
}
