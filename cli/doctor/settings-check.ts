import { ConfigError, type Environment } from '../../platform/config/load-config.ts';
import { loadBroadcasterConfig } from '../../services/broadcaster/config.ts';
import { loadIngestConfig } from '../../services/ingest/config.ts';
import { loadWorkerConfig } from '../../services/worker/config.ts';
import type { StoreUrls } from '../stores/find-stores.ts';
import { checkFiles } from './files-check.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

const SERVICES = [
  { name: 'ingest', load: loadIngestConfig },
  { name: 'worker', load: loadWorkerConfig },
  { name: 'broadcaster', load: loadBroadcasterConfig },
] as const;

const EVERYWHERE = 'docs/operations.md has all settings';
/** Where the stores are is looked at by other checks. */
const SOMEWHERE = { REDIS_URL: 'redis://127.0.0.1', DATABASE_URL: 'postgres://127.0.0.1' };

/** What each service would say of this environment if it started with it. */
export function checkSettings(environment: Environment, stores: StoreUrls): readonly Finding[] {
  const complete = completeEnvironment(environment, stores);
  const findings = new Map<string, Finding>();
  for (const { name, load } of SERVICES) {
    for (const text of problemsOf(() => load(complete))) {
      // Services of one machine may have environments of their own: here are no settings of the broadcaster.
      const isElsewhere = text.startsWith('nobody could listen') && !hasSettings(environment, 'TELLTALE_BROADCASTER_');
      // A name that nobody knows is one finding: that of the service whose setting may have been meant.
      const [key = text] = /^\w+(?=: no such setting)/.exec(text) ?? [];
      if (!findings.has(key) || text.includes('did you mean')) findings.set(key, describe(text, name, isElsewhere));
    }
  }
  const all = [...findings.values(), ...checkFiles(complete)];
  return all.length === 0 ? [ok('settings', 'every service starts with these settings')] : all;
}

function completeEnvironment(environment: Environment, { running, databaseUrl, redisUrl }: StoreUrls): Environment {
  const {
    REDIS_URL: _redis,
    DATABASE_URL: _database,
    REDIS_URL_FILE: _r,
    DATABASE_URL_FILE: _d,
    ...rest
  } = environment;
  // As `npm start` does, where nobody says who may listen.
  const isPublic = running !== undefined && (environment['TELLTALE_BROADCASTER_JWKS_PATH'] ?? '') === '';
  return {
    ...(isPublic && { TELLTALE_BROADCASTER_PUBLIC: 'true' }),
    ...rest,
    REDIS_URL: redisUrl ?? SOMEWHERE.REDIS_URL,
    DATABASE_URL: databaseUrl ?? SOMEWHERE.DATABASE_URL,
  };
}

function problemsOf(load: () => unknown): readonly string[] {
  try {
    load();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function describe(text: string, service: string, isElsewhere: boolean): Finding {
  const [, found, fix] = /^(nobody could listen): (.*)$/.exec(text) ?? [];
  if (found !== undefined && fix !== undefined) {
    return isElsewhere
      ? warning('settings', `the settings of the broadcaster are not here, and with none ${found}`, fix)
      : problem('settings', `broadcaster: ${found}`, fix);
  }
  const [, unknown, hint = ''] = /^(\w+): no such setting(?:; (did you mean \w+\?))?$/.exec(text) ?? [];
  if (unknown !== undefined) {
    return problem(
      'settings',
      `${unknown} is no setting of any service`,
      `${hint} Correct its name or remove it; ${EVERYWHERE}`.trim(),
    );
  }
  return problem('settings', `${service}: ${text}`, `correct it; ${EVERYWHERE}`);
}

function hasSettings(environment: Environment, prefix: string): boolean {
  return Object.entries(environment).some(([name, value]) => name.startsWith(prefix) && value !== '');
}
