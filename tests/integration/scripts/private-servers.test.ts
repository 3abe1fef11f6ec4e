import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import pg from 'pg';
import { startMosquitto } from '../../support/mosquitto.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { startRedis } from '../../support/redis.ts';

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

test('a test database has PostGIS and every migration, and two do not see each other', async () => {
  await using first = await createTestDatabase();
  await using second = await createTestDatabase();
  const count = async (url: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`UPDATE registry_state SET version = version + 1`);
    const result = await client.query<{ version: string; postgis: string }>(
      'SELECT version, postgis_lib_version() AS postgis FROM registry_state',
    );
    await client.end();
    return result.rows[0];
  };
  assert.equal((await count(first.url))?.version, '2');
  assert.equal((await count(second.url))?.version, '2');
  assert.match((await count(second.url))?.postgis ?? '', /^3\./);
});

test('a private Redis keeps what it acknowledged through kill -9, and refuses to evict', async () => {
  await using server = await startRedis();
  await withRedis(server.url, (redis) => redis.set('kept', 'yes'));
  await server.kill9();
  await server.restart();
  await withRedis(server.url, async (redis) => {
    assert.equal(await redis.get('kept'), 'yes');
    assert.match(await redis.info('persistence'), /aof_enabled:1/);
    assert.match(await redis.info('memory'), /maxmemory_policy:noeviction/);
  });
});

test('a private Redis asks for a password', async () => {
  await using server = await startRedis();
  const url = new URL(server.url);
  url.password = '';
  await assert.rejects(
    withRedis(url.href, (redis) => redis.get('x')),
    /NOAUTH/,
  );
});

test('a private Mosquitto takes and delivers', async () => {
  await using broker = await startMosquitto();
  const client = await mqtt.connectAsync(broker.url);
  const received = new Promise<string>((resolve) =>
    client.once('message', (_topic, payload) => resolve(payload.toString())),
  );
  await client.subscribeAsync('x', { qos: 1 });
  await client.publishAsync('x', 'hello', { qos: 1 });
  assert.equal(await received, 'hello');
  await client.endAsync();
});
