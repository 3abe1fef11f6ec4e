import assert from 'node:assert/strict';
import { readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '../../../platform/log/logger.ts';
import { readServerInfo } from '../../../platform/redis/check-redis.ts';
import { openRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { assertFinds, diagnose } from '../../support/doctor.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const MEGABYTE = 1024 * 1024;

const open = ({ url }: TestRedis): Redis =>
  openRedis({ url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));

test('a Redis whose memory is full refuses writes, which is a problem; one that is nearly full is a warning', async () => {
  await using server = await startRedis();
  const redis = open(server);
  try {
    await redis.set('filler', Buffer.alloc(20 * MEGABYTE));
    let used = Infinity;
    // What the client sent is in a buffer too, for a while.
    await eventually(async () => {
      used = Number((await readServerInfo(redis, 'memory')).get('used_memory'));
      assert.ok(used < 30 * MEGABYTE, `${used} bytes`);
    });
    await redis.call('config', 'set', 'maxmemory', String(Math.round(used * 1.1)));
    assertFinds(await diagnose({ REDIS_URL: server.url }), 'redis-settings', 'warning', {
      found: /has used (89|90|91|92) % of its maxmemory/,
      fix: /raise maxmemory/,
    });
    await redis.call('config', 'set', 'maxmemory', String(10 * MEGABYTE));
    await assert.rejects(redis.set('x', '1'), /OOM/);
    assertFinds(await diagnose({ REDIS_URL: server.url }), 'redis-settings', 'problem', {
      found: /^the memory of Redis is full \(\d+ of 10485760 bytes\): it refuses writes/,
      fix: /raise maxmemory.*see the backlog and the dead letters/,
    });
    await redis.call('config', 'set', 'maxmemory', '0');
    const { checks } = await diagnose({ REDIS_URL: server.url });
    assert.deepEqual(
      checks.filter(({ check }) => check === 'redis-settings').map(({ level }) => level),
      ['ok'],
    );
  } finally {
    redis.disconnect();
  }
});

test('a Redis that cannot write its append-only file refuses writes, which is a problem', async () => {
  await using server = await startRedis();
  await server.stop();
  await fillDisk(join(server.folder, 'appendonlydir'));
  await server.restart();
  const redis = open(server);
  try {
    // With `always` a server that cannot write ends at once.
    await redis.call('config', 'set', 'appendfsync', 'everysec');
    await eventually(() => assert.rejects(redis.set('x', '1'), /MISCONF/));
    assertFinds(await diagnose({ REDIS_URL: server.url }), 'redis-settings', 'problem', {
      found: /cannot write its append-only file \(aof_last_write_status err\): it refuses writes/,
      fix: /make room on its disk/,
    });
  } finally {
    redis.disconnect();
  }
});

/** From here on every write to the append-only file finds that there is no space left. */
async function fillDisk(folder: string): Promise<void> {
  const file = (await readdir(folder)).find((name) => name.endsWith('.incr.aof'));
  assert.ok(file !== undefined);
  await rm(join(folder, file));
  await symlink('/dev/full', join(folder, file));
}
