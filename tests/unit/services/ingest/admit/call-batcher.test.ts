import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CallBatcher } from '../../../../../services/ingest/admit/call-batcher.ts';

/** Never connected: only what the batcher asks of it matters here. */
function open(run: (items: readonly number[]) => Promise<readonly (number | Error)[]>): CallBatcher<number, number> {
  const redis = new Redis({ lazyConnect: true });
  return new CallBatcher({ redis, maxBatch: 3, run });
}

test('what is asked for in one turn goes in one call, in order, and no more than fits', async () => {
  const calls: (readonly number[])[] = [];
  const batcher = open((items) => {
    calls.push(items);
    return Promise.resolve(items.map((item) => item * 10));
  });
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map((item) => batcher.run(0, item))), [10, 20, 30, 40]);
  assert.deepEqual(calls, [[1, 2, 3], [4]]);
});

test('what is asked for while a call is under way waits for its end and then goes together', async () => {
  const calls: (readonly number[])[] = [];
  const ends: (() => void)[] = [];
  const batcher = open(async (items) => {
    calls.push(items);
    await new Promise<void>((resolve) => ends.push(resolve));
    return items;
  });
  const first = batcher.run(0, 1);
  await nextTurn();
  await nextTurn();
  const others = [batcher.run(0, 2), batcher.run(5, 3)];
  await nextTurn();
  await nextTurn();
  assert.deepEqual(calls, [[1]]);
  ends[0]?.();
  await first;
  await nextTurn();
  await nextTurn();
  ends[1]?.();
  assert.deepEqual(await Promise.all(others), [2, 3]);
  assert.deepEqual(calls, [[1], [2, 3]]);
});

test('a call that fails fails what waits behind it, and the next one is made', async () => {
  let fail: (error: Error) => void = () => undefined;
  let isDown = true;
  const batcher = open((items) =>
    isDown ? new Promise((_, reject) => (fail = reject)) : Promise.resolve(items.map((item) => item)),
  );
  const first = batcher.run(0, 1);
  await nextTurn();
  await nextTurn();
  const second = batcher.run(0, 2);
  fail(new Error('timed out'));
  await assert.rejects(first, /timed out/);
  await assert.rejects(second, /timed out/);
  isDown = false;
  assert.equal(await batcher.run(0, 3), 3);
});

test('an item that failed alone does not touch the others', async () => {
  const batcher = open((items) => Promise.resolve(items.map((item) => (item === 2 ? new Error('two') : item))));
  const [one, two, three] = await Promise.allSettled([1, 2, 3].map((item) => batcher.run(0, item)));
  assert.deepEqual([one?.status, two?.status, three?.status], ['fulfilled', 'rejected', 'fulfilled']);
});
