import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis } from '../../../platform/redis/open-redis.ts';
import { RedisMetrics } from '../../../platform/redis/redis-metrics.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';

test('a connection that breaks is down and counted until it is back, and one that we end is not counted', async () => {
  await using server = await startRedis();
  const registry = new Registry();
  const metrics = new RedisMetrics(registry);
  const log = createLogger('test', 'silent');
  const [used, ended] = ['used', 'ended'].map((name) =>
    metrics.watch(name, openRedis({ url: server.url, name, manner: 'patient' }, log)),
  );
  assert.ok(used !== undefined && ended !== undefined);
  try {
    await waitForRedis(used, 10_000);
    await waitForRedis(ended, 10_000);
    const sample = async (text: string): Promise<void> => {
      await eventually(async () => assert.ok((await registry.metrics()).includes(`${text}\n`), text));
    };
    await sample('redis_connection_up{connection="used"} 1');
    await sample('redis_connections_lost_total{connection="used"} 0');
    ended.disconnect();
    await sample('redis_connection_up{connection="ended"} 0');
    await server.kill9();
    await sample('redis_connection_up{connection="used"} 0');
    await server.restart();
    await sample('redis_connection_up{connection="used"} 1');
    const text = await registry.metrics();
    assert.match(text, /lost_total\{connection="used"\} [1-9]/);
    assert.match(text, /lost_total\{connection="ended"\} 0/);
  } finally {
    used.disconnect();
    ended.disconnect();
  }
});
