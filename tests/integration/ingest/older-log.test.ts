import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import {
  admitAll,
  createAdmittable,
  createAdmitScript,
  EPOCH,
  openAdmissionLogs,
} from '../../support/admission-logs.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send } from '../../support/raw-http.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const EARLY_SKEW_MS = 30_000;

test('a Redis that comes back with an older log takes nothing again that it had acknowledged', async () => {
  await using platform = await openIngestPlatform();
  const { server, redis } = platform.stores;
  const device = await platform.addDevice();
  const [first, second] = [device.request(), device.request()];
  const answers = (): Promise<void> => eventually(async () => assert.equal(await redis.ping(), 'PONG'));
  assertAccepted(await send(platform.port, first), 1);
  await server.stop();
  const restore = await server.backUp();
  await server.restart();
  await answers();
  await eventually(async () => assertAccepted(await send(platform.port, second), 1));

  await server.stop();
  await restore();
  await server.restart();
  await answers();
  // By the replay windows alone, which are as old as the log, the second one would be new.
  await eventually(async () => assertProblem(await send(platform.port, second), 409, 'nonce-too-old'));
  assertProblem(await send(platform.port, first), 409, 'nonce-too-old');
  assertProblem(await send(platform.port, device.request()), 409, 'nonce-too-old');
  const [created, refuse] = ((await redis.get(redisKeys.epoch(shardOf(device.id, SHARD_COUNT)))) ?? '').split(':');
  assert.ok(Math.abs(Date.now() - Number(created)) < 10_000);
  assert.equal(Number(refuse), Number(created) + EARLY_SKEW_MS);
});

test('a restart that loses nothing refuses nothing', async () => {
  await using platform = await openIngestPlatform();
  const device = await platform.addDevice();
  assertAccepted(await send(platform.port, device.request()), 1);
  await platform.stores.server.kill9();
  await platform.stores.server.restart();
  await eventually(async () => assertAccepted(await send(platform.port, device.request()), 1));
});

test('a log that ends before what the caller has seen gets another epoch, and one that goes on does not', async () => {
  await using logs = await openAdmissionLogs();
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  const stream = redisKeys.readings(shard);
  await logs.redis.xgroup('CREATE', stream, 'persist', '0', 'MKSTREAM');
  assert.deepEqual(await admitAll(script, shard, [createAdmittable(1), createAdmittable(2)]), ['accepted', 'accepted']);
  // Two entries of one step may have times a millisecond apart.
  const [oldest, newest] = await logs.redis.xrange(stream, '-', '+');
  const id = newest?.[0] ?? '';
  const [oldestMs = 0] = (oldest?.[0] ?? '').split('-').map(Number);
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  const admit = async (seen: string, nonce: number): Promise<string> => {
    const envelopes = [createAdmittable(nonce)];
    const [reply] = await script.run([{ shard, epoch: EPOCH, newest: seen, envelopes }]);
    return reply?.kind === 'decided' ? (reply.admissions[0] ?? '') : (reply?.kind ?? '');
  };
  assert.equal(await admit(id, 3), 'accepted');
  assert.equal(await admit(`${oldestMs - 1}-99`, 4), 'accepted');
  // Everything was stored and deleted: the stream still knows its last id.
  await logs.redis.xtrim(stream, 'MAXLEN', 0);
  assert.equal(await admit(id, 5), 'accepted');
  await logs.redis.xtrim(stream, 'MAXLEN', 0);
  for (const later of [`${ms + 3_600_000}-0`, `${ms + 3_600_000}-${seq + 1}`]) {
    assert.equal(await admit(later, 6), 'other-epoch');
    await logs.redis.set(redisKeys.epoch(shard), EPOCH);
  }
  await logs.redis.del(stream);
  assert.equal(await admit(id, 7), 'other-epoch');
});

test('a log that has gone back is found also when somebody else has written to it since', async () => {
  await using logs = await openAdmissionLogs();
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  const stream = redisKeys.readings(shard);
  await admitAll(script, shard, [createAdmittable(1)]);
  await admitAll(script, shard, [createAdmittable(2)]);
  const [newest] = await logs.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
  const lost = newest?.[0] ?? '';
  await logs.redis.xdel(stream, lost);
  await admitAll(script, shard, [createAdmittable(3)]);
  const [reply] = await script.run([{ shard, epoch: EPOCH, newest: lost, envelopes: [createAdmittable(4)] }]);
  assert.equal(reply?.kind, 'other-epoch');
});
