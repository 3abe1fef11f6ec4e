import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideRate, intervalUsOf, type LimitPolicy } from '../../../../core/limits/gcra.ts';

const policy: LimitPolicy = { name: 'burst', quota: 5, windowS: 1 };

function passAll(limit: LimitPolicy, timesUs: readonly number[]): number[] {
  let arrivalUs = 0;
  return timesUs.filter((nowUs) => {
    const decision = decideRate(limit, arrivalUs, nowUs);
    arrivalUs = decision.arrivalUs;
    return decision.allowed;
  });
}

test('the whole quota passes at once, and the next request is told when to come back', () => {
  assert.deepEqual(passAll(policy, [1, 1, 1, 1, 1, 1, 1]), [1, 1, 1, 1, 1]);
  let arrivalUs = 0;
  const remaining = Array.from({ length: 5 }, () => {
    const decision = decideRate(policy, arrivalUs, 10);
    arrivalUs = decision.arrivalUs;
    return decision.remaining;
  });
  assert.deepEqual(remaining, [4, 3, 2, 1, 0]);
  const refused = decideRate(policy, arrivalUs, 10);
  assert.equal(refused.retryAfterUs, 200_000);
  assert.equal(decideRate(policy, arrivalUs, 10 + refused.retryAfterUs - 1).allowed, false);
  assert.equal(decideRate(policy, arrivalUs, 10 + refused.retryAfterUs).allowed, true);
});

test('no window sees more than twice the quota, and no run more than quota and refill', () => {
  const limits = fc.record({
    name: fc.constant('x'),
    quota: fc.integer({ min: 1, max: 50 }),
    windowS: fc.integer({ min: 1, max: 10 }),
  });
  const gapsUs = fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 300 });
  fc.assert(
    fc.property(limits, gapsUs, (limit, gaps) => {
      let nowUs = 1.8e15;
      const timesUs = gaps.map((gapUs) => (nowUs += gapUs));
      const passed = passAll(limit, timesUs);
      const first = passed[0];
      for (const [count, timeUs] of passed.entries()) {
        const refilled = Math.floor((timeUs - (first ?? timeUs)) / intervalUsOf(limit));
        assert.ok(count < limit.quota + refilled + 1);
      }
    }),
  );
});

test('a steady sender below the rate is never refused', () => {
  const timesUs = Array.from({ length: 1000 }, (_, index) => 1.8e15 + index * 200_000);
  assert.equal(passAll(policy, timesUs).length, timesUs.length);
});

test('a refusal costs nothing: one who keeps asking is let in as soon as one who waits', () => {
  const flood = Array.from({ length: 2000 }, (_, index) => 1.8e15 + index * 1000);
  assert.equal(passAll(policy, flood).length, 5 + 9);
});
