import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import type { Registry } from 'prom-client';
import { readPidFile, tellBroker } from '../cli/broker-logins/tell-broker.ts';
import { findStores } from '../cli/stores/find-stores.ts';
import { hashForMosquitto } from '../platform/crypto/mosquitto-password.ts';
import { AdminServer } from '../platform/http/admin-server.ts';
import { StartupError } from '../platform/lifecycle/startup-error.ts';
import { createMetricsRegistry } from '../platform/metrics/registry.ts';
import { RedisMetrics } from '../platform/redis/redis-metrics.ts';
import { LoginsFollower } from './dev-stack/logins-follower.ts';
import { LoginsMetrics } from './dev-stack/logins-metrics.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { createStopRequest } from './process/stop-request.ts';

const HIGHEST_PORT = 65_535;

interface BrokerLoginsOptions {
  readonly folder: string;
  readonly ingestPasswordFile: string;
  readonly pid?: number;
  readonly pidFile?: string;
  readonly adminHost: string;
  readonly adminPort?: number;
}

function parsePid(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new InvalidArgumentError('it is a number.');
  return Number(text);
}

function parsePort(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > HIGHEST_PORT) throw new InvalidArgumentError('it is a port.');
  return Number(text);
}

/** Without a process there is nobody to tell: Mosquitto is made to look by itself. */
function reloadOf({ pid, pidFile }: BrokerLoginsOptions): () => boolean {
  if (pid === undefined && pidFile === undefined) return () => true;
  return () => {
    const current = pid ?? readPidFile(pidFile ?? '');
    return current !== undefined && tellBroker(current);
  };
}

/** Metrics and health, where a port is named. */
async function openAdmin(
  { adminHost: host, adminPort: port }: BrokerLoginsOptions,
  registry: Registry,
  metrics: LoginsMetrics,
) {
  if (port === undefined) return undefined;
  const server = new AdminServer({ host, port, setting: '--admin-port', registry, unready: metrics.unready });
  await server.listen().catch((error: unknown) => {
    throw error instanceof StartupError ? new CommandFailure(error.message) : error;
  });
  return { [Symbol.asyncDispose]: () => server.close() };
}

/** Runs beside Mosquitto: its logins are those of the registry half a second after a change. */
await runMain(async () => {
  const options = new Command('broker-logins')
    .description('Keeps the logins of the MQTT broker current, until it is stopped.')
    .requiredOption('--folder <folder>', 'where Mosquitto reads its files "passwords" and "acl"')
    .requiredOption('--ingest-password-file <file>', 'file with the password that ingest logs in with')
    .option('--pid-file <file>', 'file with the process id of Mosquitto, which is told to read its files again')
    .option('--pid <number>', 'that process id, where it is always the same', parsePid)
    .option('--admin-host <address>', 'where metrics and health are', '127.0.0.1')
    .option('--admin-port <port>', 'their port; none without it', parsePort)
    .parse()
    .opts<BrokerLoginsOptions>();
  const { folder, ingestPasswordFile } = options;
  const { databaseUrl, redisUrl } = await findStores();
  if (redisUrl === undefined) throw new CommandFailure('REDIS_URL is not set: it says when the registry has changed.');
  const password = readFileSync(ingestPasswordFile, 'utf8').trim();
  const registry = createMetricsRegistry('broker-logins');
  const metrics = { logins: new LoginsMetrics(registry), redis: new RedisMetrics(registry) };
  const stop = createStopRequest();
  await using _admin = await openAdmin(options, registry, metrics.logins);
  await using _follower = new LoginsFollower({
    target: { databaseUrl, folder, ingestHash: hashForMosquitto(password) },
    redisUrl,
    reload: reloadOf(options),
    metrics,
    tell: (line) => console.error(line),
  });
  if (!stop.aborted) await once(stop, 'abort');
  return 0;
});
