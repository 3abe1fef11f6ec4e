import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideTerm, type BlockPolicy, type BlockTerm } from '../../../../core/limits/block-term.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const POLICY: BlockPolicy = { firstMs: MINUTE_MS, longestMs: DAY_MS, quietMs: DAY_MS };

test('blocks in a row take 1, 2, 4, 8 … minutes, and never more than a day', () => {
  let nowMs = 0;
  let term: BlockTerm | undefined;
  const minutes: number[] = [];
  for (let offence = 0; offence < 2000; offence += 1) {
    term = decideTerm(term, POLICY, nowMs);
    minutes.push((term.untilMs - nowMs) / MINUTE_MS);
    nowMs = term.untilMs;
  }
  assert.deepEqual(minutes.slice(0, 12), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]);
  assert.ok(minutes.slice(12).every((length) => length === 1440));
});

test('after a quiet day the next block is a first one', () => {
  const before = { offence: 7, untilMs: 1000 };
  assert.deepEqual(decideTerm(before, POLICY, 1000 + DAY_MS - 1).offence, 8);
  assert.deepEqual(decideTerm(before, POLICY, 1000 + DAY_MS), { offence: 1, untilMs: 1000 + DAY_MS + MINUTE_MS });
});

test('whatever the clock does, a block lasts from the shortest to the longest time, and one that is in force stays', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2 * DAY_MS, max: 3 * DAY_MS })), (moves) => {
      let nowMs = 1.8e12;
      let term: BlockTerm | undefined;
      for (const moveMs of moves) {
        nowMs += moveMs;
        const next = decideTerm(term, POLICY, nowMs);
        if (term !== undefined && term.untilMs > nowMs) {
          assert.equal(next, term);
          continue;
        }
        const lengthMs = next.untilMs - nowMs;
        assert.ok(lengthMs >= POLICY.firstMs && lengthMs <= POLICY.longestMs);
        const isRepeated = term !== undefined && nowMs - term.untilMs < POLICY.quietMs;
        assert.equal(next.offence, isRepeated && term !== undefined ? term.offence + 1 : 1);
        term = next;
      }
    }),
  );
});
