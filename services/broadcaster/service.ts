import { AdminServer } from '../../platform/http/admin-server.ts';
import { createApp, listenExclusively, stopListening } from '../../platform/http/uws.ts';
import type { ServiceContext } from '../../platform/lifecycle/run-service.ts';
import { createMetricsRegistry } from '../../platform/metrics/registry.ts';
import { openRedis, openSubscriber, waitForRedis } from '../../platform/redis/open-redis.ts';
import { AlertDocuments } from './alert-documents.ts';
import { AlertFeed } from './alert-feed.ts';
import { AlertSockets } from './alert-sockets.ts';
import type { BroadcasterConfig } from './config.ts';
import { addDocumentRoutes } from './document-routes.ts';
import { createBroadcasterMetrics } from './metrics.ts';

const REDIS_START_TIMEOUT_MS = 20_000;

export async function startBroadcaster({ config, log, resources }: ServiceContext<BroadcasterConfig>): Promise<void> {
  const subscriber = openSubscriber({ url: config.REDIS_URL, name: 'broadcaster' }, log);
  resources.defer('Redis', () => subscriber.disconnect());
  await waitForRedis(subscriber, REDIS_START_TIMEOUT_MS);

  const { TELLTALE_BROADCASTER_HOST: host, TELLTALE_BROADCASTER_PORT: port } = config;
  const redis = openRedis({ url: config.REDIS_URL, name: 'broadcaster-documents', manner: 'fail-fast' }, log);
  resources.defer('Redis documents', () => redis.disconnect());

  const registry = createMetricsRegistry('broadcaster');
  const app = createApp();
  const metrics = createBroadcasterMetrics(registry, () => sockets.size);
  const sockets = new AlertSockets(app, metrics);
  const feed = new AlertFeed({ subscriber, onFrame: (frame) => sockets.publish(frame), metrics, log });
  resources.defer('alert feed', () => feed.close());
  await feed.start();

  const admin = new AdminServer({
    host: config.TELLTALE_BROADCASTER_HOST,
    port: config.TELLTALE_BROADCASTER_ADMIN_PORT,
    setting: 'TELLTALE_BROADCASTER_ADMIN_PORT',
    registry,
    unready: () => (feed.alive ? [] : ['Redis does not answer']),
  });
  resources.defer('admin server', () => admin.close());
  await admin.listen();

  const documents = new AlertDocuments({
    redis,
    sender: config.TELLTALE_BROADCASTER_CAP_SENDER,
    senderName: config.TELLTALE_BROADCASTER_CAP_SENDER_NAME,
    publicUrl: (config.TELLTALE_BROADCASTER_PUBLIC_URL ?? `http://${host}:${port}`).replace(/\/+$/, ''),
  });
  addDocumentRoutes(app, documents, log);
  app.any('/*', (response) => {
    response
      .writeStatus('404 Not Found')
      .end('subscribers connect to /ws/alerts, and /v1/alerts/feed.atom has the active alerts\n');
  });
  const listening = await listenExclusively(app, host, port, 'TELLTALE_BROADCASTER_PORT');
  resources.defer('WebSocket connections', () => {
    stopListening(listening);
    sockets.close();
    app.close();
  });
  log.info({ host, port }, 'listening');
}
