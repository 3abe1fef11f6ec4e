import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { ConnectQueue } from '../../../../services/broadcaster/access/connect-queue.ts';
import { ConnectionLimits } from '../../../../services/broadcaster/access/connection-limits.ts';
import { MessageBudget } from '../../../../services/broadcaster/access/message-budget.ts';
import { eventually } from '../../../support/eventually.ts';

test('those of a second come in at once, the others in their order and at a steady rate, and no more than can wait', async () => {
  const queue = new ConnectQueue({ perS: 50, longestWaitS: 1 });
  const let_in: number[] = [];
  const answers = Array.from({ length: 110 }, (_, index) => queue.enter(() => let_in.push(index)));
  assert.equal(answers.filter((answer) => answer === 'proceeds').length, 50);
  assert.equal(answers.filter((answer) => answer === 'full').length, 10);
  const [gone] = answers.filter((answer) => typeof answer === 'function');
  assert.equal(gone!(), true);
  assert.equal(gone!(), false);
  await delay(300);
  assert.ok(let_in.length < 100, `${let_in.length} were let in`);
  await eventually(() => assert.equal(let_in.length, 99));
  assert.deepEqual(
    let_in,
    Array.from({ length: 100 }, (_, index) => index).filter((index) => index !== 50),
  );
  assert.equal(queue.size, 0);
  queue.close();
});

test('connections are counted for all, for an address and for an account, and are forgotten when they end', () => {
  const limits = new ConnectionLimits({ most: 3, mostPerAddress: 2, mostPerAccount: 1 });
  assert.deepEqual(
    ['a', 'a', 'a', 'b', 'c'].map((address) => limits.admit(address)),
    [undefined, undefined, 'too-many-of-address', undefined, 'too-many'],
  );
  limits.release('a');
  assert.equal(limits.admit('a'), undefined);
  assert.equal(limits.open, 3);
  assert.equal(limits.admitAccount('x'), true);
  assert.equal(limits.admitAccount('x'), false);
  limits.releaseAccount('x');
  assert.equal(limits.admitAccount('x'), true);
});

test('a client may say twenty things at once, and two a second after that', () => {
  const budget = new MessageBudget(0);
  assert.ok(Array.from({ length: 20 }, () => budget.spend(1, 0)).every(Boolean));
  assert.equal(budget.spend(1, 0), false);
  assert.equal(budget.spend(1, 2000), true);
  assert.equal(budget.spend(5, 2000), false);
});
