import { AdminServer } from '../../platform/http/admin-server.ts';
import { ClientAddress } from '../../platform/http/client-address.ts';
import { createApp, listenExclusively, stopListening } from '../../platform/http/uws.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import type { Logger } from '../../platform/log/logger.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { openRedis, openSubscriber, waitForRedis } from '../../platform/redis/open-redis.ts';
import { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import { ConnectQueue } from './access/connect-queue.ts';
import { ConnectionLimits } from './access/connection-limits.ts';
import { Gate } from './access/gate.ts';
import { TokenVerifier } from './access/token-verifier.ts';
import type { BroadcasterConfig } from './config.ts';
import { fanOut } from './delivery/fan-out.ts';
import { FilterSets } from './delivery/filter-sets.ts';
import { AlertDocuments } from './documents/alert-documents.ts';
import { addDocumentRoutes } from './documents/document-routes.ts';
import { addActiveRoute } from './http/active-route.ts';
import { EventStreams } from './http/event-streams.ts';
import { addPreflight } from './http/preflight.ts';
import { createBroadcasterMetrics, registerBroadcasterSizes } from './metrics.ts';
import { AlertSockets } from './sockets/alert-sockets.ts';
import { AlertStream } from './stream/alert-stream.ts';
import { StreamReader } from './stream/stream-reader.ts';
import { startSubscriberLoops } from './subscriber-loops.ts';

const REDIS_START_TIMEOUT_MS = 20_000;
/** What a client waits for at least, and at most after many failures. */
const RECONNECT = { min_ms: 1000, max_ms: 30_000 };
/** Less than clients wait for a greeting. */
const LONGEST_WAIT_S = 8;
/** After a restart others are let in for this much longer than the clients need, so that nobody is refused for long. */
const SPREAD_MARGIN = 1.5;

export async function startBroadcaster({ config, log, resources }: ServiceContext<BroadcasterConfig>): Promise<void> {
  const registry = createMetricsRegistry('broadcaster');
  const connections = new RedisMetrics(registry);
  const subscriber = connections.watch(
    'broadcaster',
    openSubscriber({ url: config.REDIS_URL, name: 'broadcaster' }, log),
  );
  resources.defer('Redis', () => subscriber.disconnect());
  const redis = connections.watch(
    'broadcaster-stream',
    openRedis({ url: config.REDIS_URL, name: 'broadcaster-stream', manner: 'fail-fast' }, log),
  );
  resources.defer('Redis stream', () => redis.disconnect());
  await waitForRedis(subscriber, REDIS_START_TIMEOUT_MS);
  await waitForRedis(redis, REDIS_START_TIMEOUT_MS);

  const { TELLTALE_BROADCASTER_HOST: host, TELLTALE_BROADCASTER_PORT: port } = config;
  const app = createApp();
  const sets = new FilterSets();
  const perS = config.TELLTALE_BROADCASTER_CONNECTS_PER_S;
  const limits = new ConnectionLimits({
    most: config.TELLTALE_BROADCASTER_MAX_CONNECTIONS,
    mostPerAddress: config.TELLTALE_BROADCASTER_MAX_PER_ADDRESS,
    mostPerAccount: config.TELLTALE_BROADCASTER_MAX_PER_ACCOUNT,
  });
  const queue = new ConnectQueue({ perS, longestWaitS: LONGEST_WAIT_S });
  resources.defer('connections that wait', () => queue.close());
  const metrics = createBroadcasterMetrics(registry);
  const gate = new Gate({
    tokens: openTokens(config, log),
    limits,
    queue,
    clientAddress: new ClientAddress(config.TELLTALE_BROADCASTER_TRUSTED_PROXIES),
    origins: config.TELLTALE_BROADCASTER_ORIGINS,
    spreadS: RECONNECT.max_ms / 1000 / 3,
    metrics,
  });
  const stream = new AlertStream({
    subscriber,
    reader: new StreamReader(redis),
    window: {
      count: config.TELLTALE_BROADCASTER_WINDOW_COUNT,
      ageMs: config.TELLTALE_BROADCASTER_WINDOW_S * 1000,
    },
    onEntry: (entry) => tell(entry),
    onReset: () => {
      metrics.resets.inc();
      sockets.reset();
      streams.reset();
    },
    metrics,
    log,
  });
  const heartbeatS = config.TELLTALE_BROADCASTER_HEARTBEAT_S;
  const sockets = new AlertSockets({
    app,
    isCompressed: config.TELLTALE_BROADCASTER_COMPRESSION,
    session: { log, stream, sets, gate, heartbeatS, reconnect: RECONNECT, metrics },
    metrics,
  });
  const streams = new EventStreams({ app, log, stream, sets, gate, reconnect: RECONNECT, metrics });
  registerBroadcasterSizes(registry, {
    sockets: () => sockets.size,
    eventStreams: () => streams.size,
    filterSets: () => sets.size,
    window: () => stream.window.size,
    active: () => stream.active.size,
    waiting: () => queue.size,
    isAlive: () => stream.alive,
  });
  const tell = fanOut(sets, [sockets, streams], metrics);
  resources.defer('alert stream', () => stream.close());
  await stream.start();

  const admin = new AdminServer({
    host: config.TELLTALE_BROADCASTER_ADMIN_HOST,
    port: config.TELLTALE_BROADCASTER_ADMIN_PORT,
    setting: 'TELLTALE_BROADCASTER_ADMIN_PORT',
    registry,
    unready: () => (stream.alive ? [] : ['Redis does not answer']),
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();

  const documents = new AlertDocuments({
    redis,
    sender: config.TELLTALE_BROADCASTER_CAP_SENDER,
    senderName: config.TELLTALE_BROADCASTER_CAP_SENDER_NAME,
    publicUrl: (config.TELLTALE_BROADCASTER_PUBLIC_URL ?? `http://${host}:${port}`).replace(/\/+$/, ''),
  });
  addDocumentRoutes(app, documents, gate, log);
  addActiveRoute(app, stream, gate);
  addPreflight(app, gate);
  app.any('/*', (response) => {
    response
      .writeStatus('404 Not Found')
      .end(
        'subscribers connect to /ws/alerts or /alerts/stream; /v1/alerts/active and /v1/alerts/feed.atom have the active alerts\n',
      );
  });
  const listening = await listenExclusively(app, host, port, 'TELLTALE_BROADCASTER_PORT');
  const loops = startSubscriberLoops({ stream, sets, targets: [sockets, streams], gate, heartbeatS });
  resources.defer('subscribers', () => {
    stopListening(listening);
    loops.close();
    const spreadMs = Math.max(RECONNECT.min_ms, (limits.open / perS) * 1000 * SPREAD_MARGIN);
    sockets.close(spreadMs);
    streams.close(spreadMs);
    app.close();
  });
  log.info({ host, port }, 'listening');
}

function openTokens(config: BroadcasterConfig, log: Logger): TokenVerifier | undefined {
  const {
    TELLTALE_BROADCASTER_JWKS_PATH: jwksPath,
    TELLTALE_BROADCASTER_TOKEN_AUDIENCE: audience,
    TELLTALE_BROADCASTER_TOKEN_ISSUER: issuer,
  } = config;
  return jwksPath === undefined ? undefined : new TokenVerifier({ jwksPath, audience, issuer }, log);
}
