import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deadLetterFields } from '../../../contracts/dead-letter.ts';
import { formatNextRecord } from '../../../contracts/alert-record.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { IpBlockStore } from '../../../platform/postgres/ip-block-store.ts';
import { encodePack, numberReading } from '../../support/admitted-packs.ts';
import { createTransition } from '../../support/alert-requests.ts';
import { runTelltale } from '../../support/command-line.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

/** Clears the screen, begins a line of its own, and once more as one character of eight bits. */
const HOSTILE = 'x\u001b[2J\n0/1-0 a line of its own\u009b1m';
const SHOWN = 'x\\x1b[2J\\n0/1-0 a line of its own\\x9b1m';
const CONTROL_BUT_LINE_END = /(?!\n)\p{Cc}/u;

let stores: WorkerStores;
before(async () => {
  stores = await openWorkerStores();
  const { redis, database } = stores;
  await redis.set(redisKeys.shardCount, String(SHARD_COUNT));
  const pack = encodePack({ device: HOSTILE, readings: [numberReading('x', Date.now() * 1000, 1)] });
  const letter = { reason: 'unreadable', entry: '1-0', error: HOSTILE, pack } as const;
  await redis.xadd(redisKeys.deadLetters(0), '*', ...deadLetterFields(letter));
  const transition = { ...createTransition('raised', { rule: 'r', alert: 1, version: 1, atUs: 1 }), headline: HOSTILE };
  await redis.hset(redisKeys.alertRecords, 'r', formatNextRecord(undefined, { ...transition, subject: HOSTILE }));
  await new IpBlockStore(database).block('192.0.2.7/32', HOSTILE, null);
});
after(() => stores[Symbol.asyncDispose]());

const settings = () => ({ REDIS_URL: stores.server.url, DATABASE_URL: stores.databaseUrl });

for (const args of [['dlq', 'list'], ['blocked'], ['alerts', 'list']]) {
  test(`what others have written moves no cursor in ${args.join(' ')}, and is JSON with --json`, async () => {
    const { code, stdout, stderr } = await runTelltale(args, settings());
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, CONTROL_BUT_LINE_END);
    assert.equal(stdout.trimEnd().split('\n').length, 1, stdout);
    assert.ok(stdout.includes(SHOWN), stdout);
    const json = (await runTelltale([...args, '--json'], settings())).stdout;
    assert.doesNotMatch(json, CONTROL_BUT_LINE_END);
    assert.ok(JSON.stringify(JSON.parse(json)).includes(JSON.stringify(HOSTILE).slice(1, -1)), json);
  });
}

test('a letter that is shown whole, and a failure that quotes what somebody wrote', async () => {
  const [entry] = await stores.redis.xrange(redisKeys.deadLetters(0), '-', '+');
  const { stdout } = await runTelltale(['dlq', 'show', `0/${entry?.[0] ?? ''}`], settings());
  assert.doesNotMatch(stdout, CONTROL_BUT_LINE_END);
  assert.equal((JSON.parse(stdout) as { error: string }).error, HOSTILE);
  const { stderr } = await runTelltale(['devices', 'show', 'a\u001b[2J'], settings());
  assert.match(stderr, /^telltale: there is no device a\\x1b\[2J: /);
});
