import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertQueue } from '../../../clients/js/src/alert-queue.ts';

test('what has come and what is to come is taken in its order, and the end comes after it', async () => {
  const queue = new AlertQueue<number>(() => undefined);
  queue.push(1);
  queue.push(2);
  assert.deepEqual(await queue.next(), { done: false, value: 1 });
  assert.deepEqual(await queue.next(), { done: false, value: 2 });
  const waiting = [queue.next(), queue.next(), queue.next()];
  queue.push(3);
  queue.push(4);
  queue.close();
  queue.push(5);
  assert.deepEqual(await Promise.all(waiting), [
    { done: false, value: 3 },
    { done: false, value: 4 },
    { done: true, value: undefined },
  ]);
  assert.deepEqual(await queue.next(), { done: true, value: undefined });
});

test('whoever leaves the loop keeps nothing', async () => {
  let left = 0;
  const queue = new AlertQueue<number>(() => (left += 1));
  queue.push(1);
  await queue.return();
  queue.push(2);
  assert.deepEqual(await queue.next(), { done: true, value: undefined });
  assert.equal(left, 1);
});
