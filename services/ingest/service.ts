import type { SecurityEvent } from '../../contracts/security-event.ts';
import { AdminServer } from '../../platform/http/admin-server.ts';
import { createVerifier } from '../../platform/crypto/create-verifier.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { checkRedisIsSafe, checkWaitAof, claimShardCount } from '../../platform/redis/check-redis.ts';
import { openRedis, openSubscriber, waitForRedis } from '../../platform/redis/open-redis.ts';
import { RegistryWatch } from '../../platform/redis/registry-watch.ts';
import { appendSecurityEvents } from '../../platform/redis/append-security-events.ts';
import { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import { SourceBlocks } from '../../platform/redis/source-blocks.ts';
import type { SafetyWait } from '../../platform/redis/until-safe.ts';
import { AdmissionQueue } from './admit/admission-queue.ts';
import { tlsFilesOf, type IngestConfig } from './config.ts';
import { FrontDoor } from './front-door.ts';
import { Gate } from './gate.ts';
import { createHostileMetrics } from './hostile/hostile-metrics.ts';
import { HostileSources } from './hostile/hostile-sources.ts';
import { NetworkBlocks } from './hostile/network-blocks.ts';
import { SecurityReporter } from './hostile/security-reporter.ts';
import { ClientAddress } from '../../platform/http/client-address.ts';
import { Endpoint } from './http/endpoint.ts';
import { createFindResource } from './http/find-resource.ts';
import { HttpFront } from './http/http-front.ts';
import { createEnrolmentsResource, createKeysResource } from './http/registry-resources.ts';
import { createTelemetryResource } from './http/telemetry-resource.ts';
import { Identities } from './identify/identities.ts';
import { createRateLimits } from './limit/create-rate-limits.ts';
import { RateLimiter } from './limit/rate-limiter.ts';
import { OutcomeObserver } from './outcome-observer.ts';
import { createIngestMetrics, registerIngestGauges } from './metrics.ts';
import { EnrolmentDesk } from './registry-requests/enrolment-desk.ts';
import { KeyDesk } from './registry-requests/key-desk.ts';
import { RegistryRequests } from './registry-requests/registry-requests.ts';
import { VerifyPool } from './verify/verify-pool.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
const MAX_IDENTITIES = 50_000;
/** How long a score at the limit lasts, and how long after a block the next one counts as a first one. */
const FORGET_FAILURES_MS = 120_000;
const FORGET_OFFENCES_MS = 86_400_000;
/** For keys, which are rarely changed, in this thread. */
const MAX_DESK_KEYS = 100;

export async function startIngest({ config, log, resources }: ServiceContext<IngestConfig>): Promise<void> {
  const registry = createMetricsRegistry('ingest');
  const metrics = createIngestMetrics(registry);
  const connections = new RedisMetrics(registry);
  const ingestRedis = { url: config.REDIS_URL, manner: 'fail-fast' } as const;
  const redis = connections.watch('ingest', openRedis({ ...ingestRedis, name: 'ingest' }, log));
  resources.defer('Redis', () => redis.disconnect());
  const subscriber = connections.watch(
    'ingest-subscriber',
    openSubscriber({ url: config.REDIS_URL, name: 'ingest-subscriber' }, log),
  );
  resources.defer('Redis subscriber', () => subscriber.disconnect());
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);
  await checkRedisIsSafe(redis);
  await claimShardCount(redis, config.TELLTALE_SHARDS);
  await waitForRedis(subscriber, REDIS_START_TIMEOUT_MS);

  const identities = new Identities(redis, MAX_IDENTITIES);
  const networks = new NetworkBlocks(redis);
  const onChange = (): void => {
    identities.clear();
    networks.invalidate();
  };
  const watch = new RegistryWatch({ redis, subscriber, onChange, log });
  resources.defer('registry watch', () => watch.close());
  await watch.start();

  const pool = new VerifyPool(
    {
      verifier: config.TELLTALE_INGEST_VERIFIER,
      threads: config.TELLTALE_INGEST_VERIFY_THREADS,
      maxReadingAgeUs: config.TELLTALE_INGEST_MAX_READING_AGE_S * 1e6,
      maxReadingAheadUs: config.TELLTALE_INGEST_FRESHNESS_EARLY_S * 1e6,
    },
    (seconds) => metrics.verifySeconds.observe(seconds),
  );
  resources.defer('verify threads', () => pool.close());
  // The first request need not wait for them.
  await pool.ready;
  const safety = safetyWaitOf(config);
  if (safety?.onDisk === true) await checkWaitAof(redis);
  // Who waits holds up what comes after it on the connection.
  const admitting =
    safety === undefined
      ? redis
      : connections.watch('ingest-admit', openRedis({ ...ingestRedis, name: 'ingest-admit' }, log));
  if (admitting !== redis) resources.defer('Redis for admissions', () => admitting.disconnect());
  await waitForRedis(admitting, REDIS_START_TIMEOUT_MS);
  const admissions = new AdmissionQueue(
    admitting,
    config.TELLTALE_SHARDS,
    {
      replayWindow: config.TELLTALE_INGEST_REPLAY_WINDOW,
      maxBacklog: config.TELLTALE_INGEST_MAX_BACKLOG,
      safety,
    },
    (seconds) => metrics.admitSeconds.observe(seconds),
  );
  const limits = createRateLimits({
    device: config.TELLTALE_INGEST_LIMIT_DEVICE_PER_S,
    byClass: config.TELLTALE_INGEST_LIMIT_CLASSES,
    address: config.TELLTALE_INGEST_LIMIT_ADDRESS_PER_S,
    overall: config.TELLTALE_INGEST_LIMIT_OVERALL_PER_S,
  });
  const limiter = new RateLimiter({ redis, shardCount: config.TELLTALE_SHARDS, limits, log });
  resources.defer('rate limits', () => limiter.close());
  limiter.start();
  const hostileMetrics = createHostileMetrics(registry);
  const append = (events: readonly SecurityEvent[]): Promise<void> => appendSecurityEvents(redis, events);
  const reporter = new SecurityReporter({ append, metrics: hostileMetrics, log });
  const hostile = new HostileSources(
    { blocks: new SourceBlocks(redis), networks, reporter, metrics: hostileMetrics },
    {
      failures: { limit: config.TELLTALE_INGEST_BLOCK_AFTER, forgetMs: FORGET_FAILURES_MS },
      terms: {
        firstMs: config.TELLTALE_INGEST_BLOCK_FIRST_S * 1000,
        longestMs: config.TELLTALE_INGEST_BLOCK_LONGEST_S * 1000,
        quietMs: FORGET_OFFENCES_MS,
      },
      log,
    },
  );
  resources.defer('hostile sources', () => hostile.close());
  await hostile.start();
  const freshness = {
    lateMs: config.TELLTALE_INGEST_FRESHNESS_LATE_S * 1000,
    earlyMs: config.TELLTALE_INGEST_FRESHNESS_EARLY_S * 1000,
    holdMs: config.TELLTALE_INGEST_MAX_HOLD_S * 1000,
  };
  const gate = new Gate(
    { registry: watch, identities, limiter, hostile },
    { freshness, observeSkew: (seconds) => metrics.clockSkewSeconds.observe(seconds), log },
  );
  const frontDoor = new FrontDoor({ gate, pool, admissions }, log);
  const verifier = createVerifier(config.TELLTALE_INGEST_VERIFIER, MAX_DESK_KEYS);
  const waitMs = config.TELLTALE_INGEST_REQUEST_WAIT_S * 1000;
  const requests = new RegistryRequests({ redis, limiter, hostile, registry: watch }, { waitMs, log });
  const findResource = createFindResource({
    telemetry: createTelemetryResource(frontDoor),
    enrolments: createEnrolmentsResource(
      new EnrolmentDesk({ redis, limiter, hostile, verifier, requests }, { freshness, log }),
    ),
    keys: createKeysResource(new KeyDesk({ gate, verifier, admissions, requests }, log)),
    requests,
  });

  const clientAddress = new ClientAddress(config.TELLTALE_INGEST_TRUSTED_PROXIES);
  const unready = (): readonly string[] => [
    ...(redis.status === 'ready' ? [] : ['Redis does not answer']),
    ...(admissions.refusesAll
      ? ['too much waits to be stored: is a worker running, and does its database answer?']
      : []),
  ];
  const { TELLTALE_INGEST_HOST: host, TELLTALE_INGEST_PORT: port } = config;
  const observer = new OutcomeObserver('http', metrics, log);
  const front = new HttpFront({
    ...{ host, port, portSetting: 'TELLTALE_INGEST_PORT', tls: tlsFilesOf(config), unready, log },
    createEndpoint: () => new Endpoint(findResource, clientAddress, observer),
  });
  // A broker that is down does not keep HTTP from working, and its client is loaded where there is one.
  const mqtt =
    config.MQTT_URL === undefined
      ? undefined
      : (await import('./mqtt/create-intake.ts')).createMqttIntake(config, config.MQTT_URL, {
          frontDoor,
          metrics,
          log,
        });
  registerIngestGauges(registry, {
    connections: () => front.connections,
    inFlight: () => front.inFlight,
    verifyThreads: () => pool.threads,
    verifyWaiting: () => pool.waiting,
    admitWaiting: () => admissions.waiting,
    fullShards: () => admissions.full.length,
    registryVersion: () => watch.version ?? 0,
    knownIdentities: () => identities.size,
    knownAllowances: () => limiter.size,
    blocks: () => hostile.blocks,
    suspects: () => hostile.suspects,
    blockedNetworks: () => networks.size,
    mqttConnected: mqtt === undefined ? undefined : () => mqtt.connected,
  });
  const admin = new AdminServer({
    host: config.TELLTALE_INGEST_ADMIN_HOST,
    port: config.TELLTALE_INGEST_ADMIN_PORT,
    setting: 'TELLTALE_INGEST_ADMIN_PORT',
    registry,
    unready,
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();

  resources.defer('HTTP connections', () => front.close());
  // Closed first, because the connections close when every reply is out.
  resources.defer('registry requests', () => requests.close());
  await front.listen();
  log.info({ host, port }, 'listening');
  if (mqtt === undefined) return;
  resources.defer('MQTT connections', () => mqtt.close());
  mqtt.start();
}

function safetyWaitOf(config: IngestConfig): SafetyWait | undefined {
  const { TELLTALE_INGEST_WAIT_REPLICAS: replicas, TELLTALE_INGEST_WAIT_MS: timeoutMs } = config;
  const onDisk = config.TELLTALE_INGEST_WAIT_FOR === 'disk';
  return replicas === 0 && !onDisk ? undefined : { replicas, onDisk, timeoutMs };
}
