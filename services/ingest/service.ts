import { AdminServer } from '../../platform/http/admin-server.ts';
import { createApp, listenExclusively, stopListening } from '../../platform/http/uws.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { checkRedisIsSafe, claimShardCount } from '../../platform/redis/check-redis.ts';
import { openRedis, waitForRedis } from '../../platform/redis/open-redis.ts';
import { ProjectionCache } from '../../platform/redis/projection-cache.ts';
import { RegistryWatch } from '../../platform/redis/registry-watch.ts';
import { AdmissionQueue } from './admit/admission-queue.ts';
import type { IngestConfig } from './config.ts';
import { FrontDoor } from './front-door.ts';
import { OpenConnections } from './http/open-connections.ts';
import { TelemetryEndpoint } from './http/telemetry-endpoint.ts';
import { loadIdentity } from './identify/identity.ts';
import { createIngestMetrics, registerIngestGauges } from './metrics.ts';
import { VerifyPool } from './verify/verify-pool.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
/**
 * How long connections stay open for a last request when the service stops. A close from our side can meet a request on
 * its way; a device that sends every second is told by a reply to connect anew.
 */
const LAST_REQUESTS_MS = 1500;
/** About 2 kB each. */
const MAX_IDENTITIES = 50_000;

export async function startIngest({ config, log, resources }: ServiceContext<IngestConfig>): Promise<void> {
  const redis = openRedis({ url: config.REDIS_URL, name: 'ingest', manner: 'fail-fast' }, log);
  resources.defer('Redis', () => redis.disconnect());
  const subscriber = openRedis({ url: config.REDIS_URL, name: 'ingest-subscriber', manner: 'patient' }, log);
  resources.defer('Redis subscriber', () => subscriber.disconnect());
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);
  await checkRedisIsSafe(redis);
  await claimShardCount(redis, config.TELLTALE_SHARDS);

  const identities = new ProjectionCache({
    read: (apiKeyId) => loadIdentity(redis, apiKeyId),
    maxKnown: MAX_IDENTITIES,
  });
  const watch = new RegistryWatch({ redis, subscriber, onChange: () => identities.clear(), log });
  resources.defer('registry watch', () => watch.close());
  await watch.start();

  const pool = new VerifyPool({
    verifier: config.TELLTALE_INGEST_VERIFIER,
    threads: config.TELLTALE_INGEST_VERIFY_THREADS,
    maxReadingAgeUs: config.TELLTALE_INGEST_MAX_READING_AGE_S * 1e6,
    maxReadingAheadUs: config.TELLTALE_INGEST_FRESHNESS_EARLY_S * 1e6,
  });
  resources.defer('verify threads', () => pool.close());
  const admissions = new AdmissionQueue(redis, config.TELLTALE_SHARDS, config.TELLTALE_INGEST_REPLAY_WINDOW);
  const frontDoor = new FrontDoor(identities, pool, admissions, {
    freshness: {
      lateMs: config.TELLTALE_INGEST_FRESHNESS_LATE_S * 1000,
      earlyMs: config.TELLTALE_INGEST_FRESHNESS_EARLY_S * 1000,
    },
    log,
  });

  const app = createApp();
  const connections = new OpenConnections(app);
  const registry = createMetricsRegistry('ingest');
  const endpoint = new TelemetryEndpoint(frontDoor, createIngestMetrics(registry), log);
  registerIngestGauges(registry, {
    connections: () => connections.count,
    inFlight: () => endpoint.inFlight,
    verifyWaiting: () => pool.waiting,
    knownIdentities: () => identities.size,
  });
  const admin = new AdminServer({
    host: config.TELLTALE_INGEST_HOST,
    port: config.TELLTALE_INGEST_ADMIN_PORT,
    setting: 'TELLTALE_INGEST_ADMIN_PORT',
    registry,
    unready: () => (redis.status === 'ready' ? [] : ['Redis does not answer']),
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();

  app.any('/*', (response, request) => endpoint.handle(response, request));
  const { TELLTALE_INGEST_HOST: host, TELLTALE_INGEST_PORT: port } = config;
  const listening = await listenExclusively(app, host, port, 'TELLTALE_INGEST_PORT');
  resources.defer('HTTP connections', async () => {
    stopListening(listening);
    await endpoint.drain(connections.none(LAST_REQUESTS_MS));
    app.close();
  });
  log.info({ host, port }, 'listening');
}
