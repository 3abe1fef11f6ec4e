import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../../clients/js/src/backoff.ts';

test('the time is anywhere below a bound that doubles up to the longest, and begins anew after a good connection', () => {
  const upper = new Backoff(1000, 30_000, () => 0.999_999);
  assert.deepEqual(
    Array.from({ length: 8 }, () => Math.ceil(upper.next())),
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
  );
  upper.reset();
  assert.equal(Math.ceil(upper.next()), 1000);
  upper.bound(10, 20);
  upper.reset();
  assert.deepEqual([upper.next(), upper.next(), upper.next()].map(Math.ceil), [10, 20, 20]);
  const lower = new Backoff(1000, 30_000, () => 0);
  assert.equal(lower.next(), 0);
  fc.assert(
    fc.property(fc.nat(200), (failures) => {
      const backoff = new Backoff(1000, 30_000);
      for (let count = 0; count < failures; count += 1) backoff.next();
      const waitMs = backoff.next();
      assert.ok(waitMs >= 0 && waitMs <= 30_000);
    }),
  );
});
