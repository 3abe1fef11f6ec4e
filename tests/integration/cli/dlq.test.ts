import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { appendEntry, appendPack, encodePack, numberReading } from '../../support/admitted-packs.ts';
import { runTelltale, runTelltaleAtTerminal } from '../../support/command-line.ts';
import { createPersistGroups, createPersisting, persistAll, readDeadLetters } from '../../support/persisting.ts';
import { startProgram } from '../../support/process.ts';
import { countRows } from '../../support/stored-rows.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;
const DEVICE = 'dev-1';
const SHARD = shardOf(DEVICE, SHARD_COUNT);

let stores: WorkerStores;
let persist: () => Promise<void>;

before(async () => {
  stores = await openWorkerStores();
  await stores.redis.set(redisKeys.shardCount, String(SHARD_COUNT));
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  persist = () => persistAll(loop, stores.redis);
});
after(() => stores[Symbol.asyncDispose]());

interface Run {
  readonly code: number | null;
  /** Last line of the standard output. */
  readonly result: string;
  readonly said: string;
}

async function dlq(...args: readonly string[]): Promise<Run> {
  await using started = await startProgram('scripts/dlq.js', args, { REDIS_URL: stores.server.url });
  const { code } = await started.running.exited;
  return { code, result: started.running.result, said: started.running.explain('').message };
}

interface Listed {
  readonly total: number;
  readonly letters: readonly { readonly name: string; readonly reason: string; readonly device: string | null }[];
}

async function list(...args: readonly string[]): Promise<Listed> {
  const { code, result } = await dlq('list', '--json', ...args);
  assert.equal(code, 0);
  return JSON.parse(result) as Listed;
}

/** An entry that a constraint of the database forbids, until an operator has dealt with it. */
async function buryOne(offset: number): Promise<void> {
  const pack = { device: DEVICE, readings: [numberReading('x', NOW_US + offset, offset)] };
  await stores.database.query('ALTER TABLE readings ADD CONSTRAINT test_limit CHECK (value < 100)');
  await appendPack(stores.redis, pack);
  await persist();
  await stores.database.query('ALTER TABLE readings DROP CONSTRAINT test_limit');
}

test('operators see dead letters, put them back once their cause is gone, and discard the others', async () => {
  assert.deepEqual(await list(), { total: 0, letters: [] });
  await buryOne(100);
  await buryOne(101);
  await appendEntry(stores.redis, SHARD, 'not a pack');
  await persist();
  const { total, letters } = await list();
  assert.equal(total, 3);
  assert.deepEqual(
    letters.map(({ reason, device }) => ({ reason, device })),
    [
      { reason: 'integrity-violation', device: DEVICE },
      { reason: 'integrity-violation', device: DEVICE },
      { reason: 'unreadable', device: null },
    ],
  );
  assert.equal((await list('--limit', '1')).letters.length, 1);
  assert.equal((await list('--reason', 'unreadable')).total, 1);

  const [first, second, third] = letters.map(({ name }) => name);
  const shown = await dlq('show', first ?? '');
  assert.equal(shown.code, 0);
  assert.equal((await dlq('replay', first ?? '')).code, 0);
  await persist();
  assert.equal(await countRows(stores.database), 1);
  const again = await dlq('replay', first ?? '');
  assert.equal(again.code, 1);
  assert.match(again.said, /not there/);
  assert.deepEqual(
    (await list()).letters.map(({ name }) => name),
    [second, third],
  );

  assert.equal((await dlq('replay', '--reason', 'integrity-violation')).code, 0);
  await persist();
  assert.equal(await countRows(stores.database), 2);
  assert.equal((await dlq('discard', '--all', '--yes')).code, 0);
  assert.deepEqual(await readDeadLetters(stores.redis), []);
});

test('what is put back and still cannot be stored is a dead letter again', async () => {
  await appendEntry(stores.redis, SHARD, encodePack({ device: DEVICE, readings: [] }).slice(1));
  await persist();
  assert.equal((await dlq('replay', '--all')).code, 0);
  await persist();
  assert.equal((await list()).total, 1);
  assert.equal((await dlq('discard', '--all', '--yes')).code, 0);
});

test('letters that nobody has named are discarded when somebody says yes, and are counted before', async () => {
  const count = async (): Promise<number> => (await readDeadLetters(stores.redis)).length;
  for (let each = 0; each < 3; each += 1) await appendEntry(stores.redis, SHARD, 'not a pack');
  await persist();
  const settings = { REDIS_URL: stores.server.url };
  for (const choice of [['--all'], ['--reason', 'unreadable']]) {
    const unasked = await runTelltale(['dlq', 'discard', ...choice], settings);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /discard 3 dead letters, whose readings are gone then\? Add --yes/);
  }
  const old = await dlq('discard', '--all');
  assert.deepEqual([old.code, /Add --yes/.test(old.said)], [1, true]);
  const prompt = /discard 3 dead letters, whose readings are gone then\? Type "yes": /;
  for (const answer of ['', 'no']) {
    const { code, shown } = await runTelltaleAtTerminal(['dlq', 'discard', '--all'], settings, { prompt, answer });
    assert.equal(code, 1, shown);
    assert.match(shown, /nothing is discarded/);
  }
  assert.equal(await count(), 3);
  const [named = ''] = (await list()).letters.map(({ name }) => name);
  assert.equal((await runTelltale(['dlq', 'discard', named], settings)).code, 0, 'who names them is not asked');
  const said = { prompt: /discard 2 dead letters.*Type "yes": /, answer: 'yes' };
  const { code, shown } = await runTelltaleAtTerminal(['dlq', 'discard', '--reason', 'unreadable'], settings, said);
  assert.equal(code, 0, shown);
  assert.equal(await count(), 0);
  assert.equal((await runTelltale(['dlq', 'discard', '--all'], settings)).code, 0, 'there is nothing to ask about');
});

test('a command that does not say which letters, or names none, changes nothing and says what to write', async () => {
  await appendEntry(stores.redis, SHARD, 'not a pack');
  await persist();
  for (const [args, explanation] of [
    [['replay'], /either their names, or --reason <reason>, or --all/],
    [['discard', '--all', '--reason', 'unreadable'], /either their names/],
    [['discard', '7'], /7 is not the name of a dead letter/],
    [['discard', '--reason', 'bad'], /--reason is one of unreadable,/],
    [['show', `${SHARD}/1-1`], /there is no dead letter/],
    [['list', '--limit', '0'], /--limit is from 1 to/],
  ] as const) {
    const { code, said } = await dlq(...args);
    assert.equal(code, 1);
    assert.match(said, explanation);
  }
  assert.equal((await readDeadLetters(stores.redis)).length, 1);
});
