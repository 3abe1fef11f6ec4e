import { AdminServer } from '../../platform/http/admin-server.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { checkRedisIsSafe, claimShardCount } from '../../platform/redis/check-redis.ts';
import { openRedis, waitForRedis } from '../../platform/redis/open-redis.ts';
import { RegistryWatch } from '../../platform/redis/registry-watch.ts';
import { AdmissionQueue } from './admit/admission-queue.ts';
import { tlsFilesOf, type IngestConfig } from './config.ts';
import { FrontDoor } from './front-door.ts';
import { ClientAddress } from './http/client-address.ts';
import { HttpFront } from './http/http-front.ts';
import { TelemetryEndpoint } from './http/telemetry-endpoint.ts';
import { Identities } from './identify/identities.ts';
import { createRateLimits } from './limit/create-rate-limits.ts';
import { RateLimiter } from './limit/rate-limiter.ts';
import { decideMqttMessage } from './mqtt/decide-message.ts';
import type { MqttIntake } from './mqtt/mqtt-intake.ts';
import { OutcomeObserver } from './outcome-observer.ts';
import { createIngestMetrics, registerIngestGauges } from './metrics.ts';
import { VerifyPool } from './verify/verify-pool.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
const MAX_IDENTITIES = 50_000;

export async function startIngest({ config, log, resources }: ServiceContext<IngestConfig>): Promise<void> {
  const redis = openRedis({ url: config.REDIS_URL, name: 'ingest', manner: 'fail-fast' }, log);
  resources.defer('Redis', () => redis.disconnect());
  const subscriber = openRedis({ url: config.REDIS_URL, name: 'ingest-subscriber', manner: 'patient' }, log);
  resources.defer('Redis subscriber', () => subscriber.disconnect());
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);
  await checkRedisIsSafe(redis);
  await claimShardCount(redis, config.TELLTALE_SHARDS);

  const identities = new Identities(redis, MAX_IDENTITIES);
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
  const limits = createRateLimits({
    device: config.TELLTALE_INGEST_LIMIT_DEVICE_PER_S,
    byClass: config.TELLTALE_INGEST_LIMIT_CLASSES,
    address: config.TELLTALE_INGEST_LIMIT_ADDRESS_PER_S,
    overall: config.TELLTALE_INGEST_LIMIT_OVERALL_PER_S,
  });
  const limiter = new RateLimiter({ redis, shardCount: config.TELLTALE_SHARDS, limits, log });
  resources.defer('rate limits', () => limiter.close());
  limiter.start();
  const freshness = {
    lateMs: config.TELLTALE_INGEST_FRESHNESS_LATE_S * 1000,
    earlyMs: config.TELLTALE_INGEST_FRESHNESS_EARLY_S * 1000,
    holdMs: config.TELLTALE_INGEST_MAX_HOLD_S * 1000,
  };
  const frontDoor = new FrontDoor({ registry: watch, identities, limiter, pool, admissions }, { freshness, log });

  const registry = createMetricsRegistry('ingest');
  const metrics = createIngestMetrics(registry);
  const clientAddress = new ClientAddress(config.TELLTALE_INGEST_TRUSTED_PROXIES);
  const unready = (): readonly string[] => (redis.status === 'ready' ? [] : ['Redis does not answer']);
  const { TELLTALE_INGEST_HOST: host, TELLTALE_INGEST_PORT: port } = config;
  const observer = new OutcomeObserver('http', metrics, log);
  const front = new HttpFront({
    ...{ host, port, portSetting: 'TELLTALE_INGEST_PORT', tls: tlsFilesOf(config), unready, log },
    createEndpoint: () => new TelemetryEndpoint(frontDoor, clientAddress, observer),
  });
  const mqtt = await createMqttIntake(config, log, frontDoor, new OutcomeObserver('mqtt', metrics, log));
  registerIngestGauges(registry, {
    connections: () => front.connections,
    inFlight: () => front.inFlight,
    verifyWaiting: () => pool.waiting,
    knownIdentities: () => identities.size,
    mqttConnected: mqtt === undefined ? undefined : () => mqtt.connected,
  });
  const admin = new AdminServer({
    host: config.TELLTALE_INGEST_HOST,
    port: config.TELLTALE_INGEST_ADMIN_PORT,
    setting: 'TELLTALE_INGEST_ADMIN_PORT',
    registry,
    unready,
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();

  resources.defer('HTTP connections', () => front.close());
  await front.listen();
  log.info({ host, port }, 'listening');
  if (mqtt === undefined) return;
  resources.defer('MQTT connections', () => mqtt.close());
  mqtt.start();
}

/** Undefined when no broker is configured. A broker that is down does not keep HTTP from working. */
async function createMqttIntake(
  config: IngestConfig,
  log: Logger,
  frontDoor: FrontDoor,
  observer: OutcomeObserver,
): Promise<MqttIntake | undefined> {
  if (config.MQTT_URL === undefined) return undefined;
  // Loaded only when it is used: under tsx, which the tests run on, the mqtt package keeps threads from loading TypeScript.
  const { MqttIntake } = await import('./mqtt/mqtt-intake.ts');
  return new MqttIntake({
    url: config.MQTT_URL,
    clientId: config.TELLTALE_INGEST_MQTT_CLIENT_ID,
    connections: config.TELLTALE_INGEST_MQTT_CONNECTIONS,
    log,
    decide: (deviceId, payload) => decideMqttMessage(frontDoor, observer, deviceId, payload),
  });
}
