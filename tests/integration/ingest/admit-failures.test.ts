import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { formatShardEpoch } from '../../../contracts/shard-epoch.ts';
import type { AdmitReply, AdmitScript, Admittable } from '../../../services/ingest/admit/admit-script.ts';
import {
  admitAll,
  createAdmitScript,
  createAdmittable,
  CREATED_MS,
  EPOCH,
  openAdmissionLogs,
  type AdmissionLogs,
} from '../../support/admission-logs.ts';

let logs: AdmissionLogs;

async function run(
  script: AdmitScript,
  shard: number,
  epoch: string,
  envelopes: readonly Admittable[],
): Promise<AdmitReply | undefined> {
  const [reply] = await script.run([{ shard, epoch, envelopes }]);
  return reply;
}

before(async () => {
  logs = await openAdmissionLogs();
});
after(() => logs[Symbol.asyncDispose]());

test('a log that nobody has begun, and another one than the caller knows, admit nothing and leave no trace', async () => {
  const script = createAdmitScript(logs, 64);
  const none = logs.nextShard();
  assert.deepEqual(await run(script, none, EPOCH, [createAdmittable(1)]), { kind: 'other-epoch', current: undefined });
  assert.deepEqual(await run(script, none, '', [createAdmittable(1)]), { kind: 'other-epoch', current: undefined });
  const other = await logs.begin('5:0');
  assert.deepEqual(await run(script, other, EPOCH, [createAdmittable(1)]), { kind: 'other-epoch', current: '5:0' });
  for (const shard of [none, other]) {
    assert.equal(await logs.redis.exists(redisKeys.readings(shard), redisKeys.replay(shard, 'key')), 0);
  }
});

test('a log refuses what was created up to its border, and nothing after it', async () => {
  const script = createAdmitScript(logs, 64);
  const epoch = formatShardEpoch({ createdMs: CREATED_MS, refuseAtOrBeforeMs: CREATED_MS });
  const shard = await logs.begin(epoch);
  const envelopes = [-1, 0, 1].map((offsetMs) => createAdmittable(10 + offsetMs, { createdMs: CREATED_MS + offsetMs }));
  const reply = await run(script, shard, epoch, envelopes);
  assert.ok(reply?.kind === 'decided');
  assert.deepEqual(reply.admissions, ['nonce-too-old', 'nonce-too-old', 'accepted']);
  assert.deepEqual(await logs.packsOf(shard), ['pack 11']);
});

test('a shard that fails does not keep others of the same call from being decided', async () => {
  const script = createAdmitScript(logs, 64);
  const [before, broken, other, behind] = [
    await logs.begin(),
    await logs.begin(),
    await logs.begin('5:0'),
    await logs.begin(),
  ];
  await logs.redis.set(redisKeys.readings(broken), 'no stream');
  const requests = [before, broken, other, behind].map((shard) => ({
    shard,
    epoch: EPOCH,
    envelopes: [createAdmittable(1), createAdmittable(2)],
  }));
  const replies = await script.run(requests);
  assert.deepEqual(
    replies.map(({ kind }) => kind),
    ['decided', 'failed', 'other-epoch', 'decided'],
  );
  for (const shard of [before, behind]) assert.deepEqual(await logs.packsOf(shard), ['pack 1', 'pack 2']);
});

test('a stream that cannot be appended to leaves no mark: the envelope is accepted afterwards', async () => {
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  await admitAll(script, shard, [createAdmittable(5)]);
  await logs.redis.rename(redisKeys.readings(shard), 'aside');
  await logs.redis.set(redisKeys.readings(shard), 'no stream');
  const state = await logs.redis.getBuffer(redisKeys.replay(shard, 'key'));
  for (const nonce of [6, 3, 5000])
    await assert.rejects(admitAll(script, shard, [createAdmittable(nonce)]), /WRONGTYPE/);
  await assert.rejects(admitAll(script, shard, [createAdmittable(1, { key: 'new' })]), /WRONGTYPE/);
  assert.deepEqual(await logs.redis.getBuffer(redisKeys.replay(shard, 'key')), state);
  assert.equal(await logs.redis.exists(redisKeys.replay(shard, 'new')), 0);
  await logs.redis.rename('aside', redisKeys.readings(shard));
  assert.deepEqual(await admitAll(script, shard, [createAdmittable(6), createAdmittable(3), createAdmittable(5)]), [
    'accepted',
    'accepted',
    'replay-detected',
  ]);
});

test('a Redis without memory admits nothing and leaves no mark', async () => {
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  await admitAll(script, shard, [createAdmittable(5)]);
  const state = await logs.redis.getBuffer(redisKeys.replay(shard, 'key'));
  await logs.redis.config('SET', 'maxmemory', '1');
  try {
    await assert.rejects(admitAll(script, shard, [createAdmittable(6), createAdmittable(1, { key: 'new' })]), /OOM/);
  } finally {
    await logs.redis.config('SET', 'maxmemory', '0');
  }
  assert.deepEqual(await logs.redis.getBuffer(redisKeys.replay(shard, 'key')), state);
  assert.equal(await logs.redis.exists(redisKeys.replay(shard, 'new')), 0);
  assert.deepEqual(await logs.packsOf(shard), ['pack 5']);
  assert.deepEqual(await admitAll(script, shard, [createAdmittable(6)]), ['accepted']);
});

test('when one envelope of a batch fails, those before it are in the log and are replays when they come again', async () => {
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  await logs.redis.rpush(redisKeys.replay(shard, 'broken'), 'no string');
  const batch = [createAdmittable(1), createAdmittable(1, { key: 'broken' }), createAdmittable(2)];
  await assert.rejects(admitAll(script, shard, batch), /WRONGTYPE/);
  await logs.redis.del(redisKeys.replay(shard, 'broken'));
  assert.deepEqual(await admitAll(script, shard, batch), ['replay-detected', 'accepted', 'accepted']);
  assert.equal((await logs.packsOf(shard)).length, 3);
});

test('the script survives that Redis forgets it', async () => {
  const script = createAdmitScript(logs, 64);
  const shard = await logs.begin();
  await admitAll(script, shard, [createAdmittable(1)]);
  await logs.redis.script('FLUSH');
  assert.deepEqual(await admitAll(script, shard, [createAdmittable(1), createAdmittable(2)]), [
    'replay-detected',
    'accepted',
  ]);
});
