import { redisKeys } from '../../contracts/redis-keys.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { lookForStores, type StoreUrls } from '../stores/find-stores.ts';
import { withRedis } from '../stores/with-stores.ts';
import { checkBinding } from './binding-check.ts';
import { checkBroker } from './broker-check.ts';
import { checkDatabase } from './database-checks.ts';
import { isProblem, ok, problem, type Finding } from './finding.ts';
import { judgeProjection } from './projection-check.ts';
import { checkRedis } from './redis-checks.ts';
import { checkSettings } from './settings-check.ts';
import { untilWell } from './until-well.ts';

const FAILED = 1;
/** The worker looks every quarter of a second. */
const PROJECTED_WITHIN_MS = 3000;
const ANSWER_WITHIN_MS = 4000;

/** Looks at everything that the platform stands on. */
export async function runDoctor(options: OutputOptions): Promise<void> {
  const stores = await lookForStores();
  const [binding, broker, ingest, stored] = await Promise.all([
    checkBinding(),
    checkBroker(stores),
    checkIngest(stores),
    checkStores(stores),
  ]);
  const checks = [...checkSettings(process.env, stores), ...binding, ...stored, ...broker, ...ingest];
  const isWell = !checks.some(isProblem);
  tellResult(options, { ok: isWell, checks }, checks.map(formatFinding));
  if (!isWell) process.exitCode = FAILED;
}

async function checkStores({ databaseUrl, redisUrl }: StoreUrls): Promise<readonly Finding[]> {
  const [redis, database] = await Promise.all([
    checkRedis(redisUrl, process.env['TELLTALE_SHARDS']),
    checkDatabase(databaseUrl),
  ]);
  try {
    const { readVersion } = database;
    const projection =
      redisUrl === undefined || redis.projected === undefined || readVersion === undefined
        ? []
        : await untilWell(PROJECTED_WITHIN_MS, async () => {
            const projected = await withRedis(redisUrl, (connection) => connection.get(redisKeys.registryVersion));
            const version = await readVersion();
            return version === undefined ? [] : [judgeProjection(projected, version)];
          });
    return [...redis.findings, ...database.findings, ...projection];
  } finally {
    await database.close();
  }
}

/** Of the platform that runs here alone. */
async function checkIngest({ running }: StoreUrls): Promise<readonly Finding[]> {
  if (running === undefined) return [];
  const url = new URL('/v1/time', running.ingest_url);
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (status === 200) return [ok('ingest', `ingest answers at ${running.ingest_url}`)];
    return [problem('ingest', `ingest at ${running.ingest_url} answers ${status}`, 'see its log in .telltale/logs')];
  } catch {
    return [
      problem(
        'ingest',
        `ingest at ${running.ingest_url} does not answer`,
        'see .telltale/logs, or start the platform again: npm start',
      ),
    ];
  }
}

function formatFinding(finding: Finding): string {
  const fix = finding.level === 'ok' ? '' : ` -> ${finding.fix}`;
  return `${finding.level.padEnd(8)} ${finding.found}${fix}`;
}
