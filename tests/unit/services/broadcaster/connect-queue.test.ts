import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectQueue } from '../../../../services/broadcaster/access/connect-queue.ts';
import { ConnectionLimits } from '../../../../services/broadcaster/access/connection-limits.ts';
import { MessageBudget } from '../../../../services/broadcaster/access/message-budget.ts';
import { eventually } from '../../../support/eventually.ts';

interface Outcome {
  readonly letIn: string[];
  readonly refused: string[];
}

/** Arrivals are named by their address and their number in it. */
function arriving(queue: ConnectQueue): Outcome & {
  readonly arrive: (address: string, count: number) => readonly ReturnType<ConnectQueue['enter']>[];
} {
  const [letIn, refused] = [[] as string[], [] as string[]];
  const arrive = (address: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      queue.enter({
        address,
        proceed: () => letIn.push(`${address}${index}`),
        refuse: () => refused.push(`${address}${index}`),
      }),
    );
  return { letIn, refused, arrive };
}

test('those of a second come in at once, the others in their order and at a steady rate, and no more than can wait', async () => {
  const queue = new ConnectQueue({ perS: 50, longestWaitS: 1.5 });
  const { letIn, refused, arrive } = arriving(queue);
  const addresses = Array.from({ length: 130 }, (_, index) => `address-${index}-`);
  const answers = addresses.flatMap((address) => arrive(address, 1));
  assert.deepEqual([letIn.length, refused.length], [50, 5]);
  const [gone] = answers.filter((answer) => answer !== undefined);
  assert.equal(gone!(), true);
  assert.equal(gone!(), false);
  await delay(300);
  assert.ok(letIn.length < 125, `${letIn.length} were let in`);
  await eventually(() => assert.equal(queue.size, 0));
  assert.deepEqual(
    letIn,
    addresses.slice(0, 125).flatMap((address, index) => (index === 50 ? [] : [`${address}0`])),
  );
  queue.close();
});

test('what an address has beyond its share comes after all others, and gives way when there is no more room', async () => {
  const queue = new ConnectQueue({ perS: 80, longestWaitS: 1 });
  const { letIn, refused, arrive } = arriving(queue);
  arrive('many', 170);
  // Five are the share; the others wait as well while nobody else does.
  assert.deepEqual([letIn.length, queue.size, refused.length], [80, 80, 10]);
  arrive('one', 1);
  arrive('few', 3);
  assert.deepEqual(refused.slice(10), ['many85', 'many86', 'many87', 'many88']);
  await eventually(() => assert.ok(letIn.includes('few2'), 'few2 still waits'));
  assert.deepEqual(
    letIn.slice(80, 89),
    [80, 81, 82, 83, 84].map((index) => `many${index}`).concat(['one0', 'few0', 'few1', 'few2']),
  );
  await eventually(() => assert.equal(queue.size, 0));
  assert.equal(letIn.length + refused.length, 174);
  queue.close();
});

test('phones behind one address are not kept out by many addresses, and nobody waits longer than is of use', async () => {
  const queue = new ConnectQueue({ perS: 200, longestWaitS: 1 });
  const waitedMs: number[] = [];
  const refused: string[] = [];
  const arrive = (address: string): void => {
    const cameMs = performance.now();
    const note = () => waitedMs.push(performance.now() - cameMs);
    queue.enter({
      address,
      proceed: note,
      refuse: () => {
        note();
        refused.push(address);
      },
    });
  };
  for (let phone = 0; phone < 12; phone += 1) arrive('carrier');
  for (let index = 0; index < 200; index += 1) arrive(`crowd-${index}`);
  for (let phone = 0; phone < 12; phone += 1) arrive('carrier');
  let singles = 0;
  const crowd = setInterval(() => {
    for (let count = 0; count < 5; count += 1) arrive(`single-${(singles += 1)}`);
  }, 20);
  await delay(1500);
  clearInterval(crowd);
  await eventually(() => assert.equal(queue.size, 0));
  assert.ok(!refused.includes('carrier'), refused.join(' '));
  // A turn of the timer, and a slow machine.
  assert.ok(Math.max(...waitedMs) < 2000, `${Math.max(...waitedMs)} ms`);
  queue.close();
});

test('one address that comes and goes as fast as it can keeps nobody out', async () => {
  const queue = new ConnectQueue({ perS: 100, longestWaitS: 2 });
  const { letIn, refused, arrive } = arriving(queue);
  const flood = setInterval(() => arrive('flood', 50), 10);
  try {
    await delay(200);
    arrive('phone', 10);
    await eventually(() => assert.equal(letIn.filter((name) => name.startsWith('phone')).length, 10), 2000);
  } finally {
    clearInterval(flood);
  }
  assert.ok(refused.every((name) => name.startsWith('flood')));
  queue.close();
});

test('however lines grow and are left, everyone is let in, refused, gone or waiting, once', () => {
  const storm = fc.array(
    fc.record({
      address: fc.integer({ max: 5, min: 0 }),
      count: fc.integer({ min: 1, max: 30 }),
      leaves: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(storm, (rounds) => {
      const queue = new ConnectQueue({ perS: 20, longestWaitS: 2 });
      const { letIn, refused, arrive } = arriving(queue);
      let [arrived, gone] = [0, 0];
      for (const [round, { address, count, leaves }] of rounds.entries()) {
        const answers = arrive(`${address}/${round}/`, count);
        arrived += count;
        if (leaves) gone += answers.filter((leave) => leave?.() === true).length;
        assert.ok(queue.size <= 40);
      }
      assert.equal(letIn.length + refused.length + gone + queue.size, arrived);
      assert.equal(new Set([...letIn, ...refused]).size, letIn.length + refused.length);
      queue.close();
    }),
  );
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
