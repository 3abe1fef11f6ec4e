import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis } from '../../../platform/redis/open-redis.ts';
import { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';
import { FENCE } from '../../support/held.ts';

const STOP_WITHIN_MS = 5000;
const RESTART_CODE = 1012;
const log = createLogger('test', 'silent');

function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

test('half a handshake, connections that break and other paths harm nobody else', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, log);
  try {
    const innocent = await broadcaster.connect();
    const broken = await broadcaster.connect();
    const raw = connectTcp(broadcaster.port, '127.0.0.1');
    await once(raw, 'connect');
    raw.write('GET /ws/alerts HTTP/1.1\r\nUpgrade: websocket\r\n');
    broken.socket.terminate();
    const elsewhere = new WebSocket(`ws://127.0.0.1:${broadcaster.port}/ws/other`);
    await assert.rejects(once(elsewhere, 'open'), /404/);

    await new AlertLog(redis).append(transitionRequest('raised', 1), FENCE);
    await eventually(() => assert.equal(innocent.frames.length, 1));
    await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 1));
    raw.destroy();
  } finally {
    redis.disconnect();
  }
});

test('subscribers that never read are closed and counted once each, memory stays bounded, and the others get everything', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, log);
  try {
    const reader = await broadcaster.connect();
    const deaf = await Promise.all(Array.from({ length: 5 }, () => broadcaster.connect()));
    for (const { socket } of deaf) socket.pause();
    const alerts = new AlertLog(redis);
    const headline = 'x'.repeat(8000);
    const beforeMb = residentMb(broadcaster.running.pid);
    let published = 0;
    while ((await broadcaster.metric('ws_connections')) > 1) {
      assert.ok(published < 20_000, 'subscribers that do not read are still connected');
      const subjects = Array.from({ length: 200 }, (_, index) => `dev-${published + index}`);
      await Promise.all(
        subjects.map((subject) => alerts.append(transitionRequest('raised', 1, { subject, headline }), FENCE)),
      );
      published += subjects.length;
      await eventually(() => assert.equal(reader.frames.length, published));
    }
    assert.equal(await broadcaster.metric('ws_slow_consumer_closed_total'), deaf.length);
    // What is kept for those who come back, and nothing of the five.
    const keptMb = (published * (headline.length + 1000) * 3) / 1024 / 1024;
    const grownMb = residentMb(broadcaster.running.pid) - beforeMb;
    assert.ok(grownMb < keptMb + 80, `${grownMb} MB more, of which ${keptMb} are kept`);
    assert.equal(reader.socket.readyState, WebSocket.OPEN);
  } finally {
    redis.disconnect();
  }
});

test('SIGTERM closes every subscriber with 1012, also those that do not read, and ends with exit code 0 in time', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const readers = await Promise.all(Array.from({ length: 50 }, () => broadcaster.connect()));
  const deaf = await broadcaster.connect();
  deaf.socket.pause();
  const askedAt = performance.now();
  const status = await broadcaster.running.stop(STOP_WITHIN_MS);
  assert.deepEqual(status, { code: 0, signal: null });
  assert.ok(performance.now() - askedAt < STOP_WITHIN_MS);
  assert.deepEqual(new Set(await Promise.all(readers.map(({ closed }) => closed))), new Set([RESTART_CODE]));
});
