import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addPoints,
  isOverLimit,
  pointsAt,
  type FailurePolicy,
  type FailureScore,
} from '../../../../core/limits/failure-score.ts';

const POLICY: FailurePolicy = { limit: 20, forgetMs: 120_000 };
const PER_POINT_MS = POLICY.forgetMs / POLICY.limit;

test('the failure that reaches the limit is one too many, and all are forgotten after the time for that', () => {
  let score: FailureScore | undefined;
  for (let failure = 1; failure <= POLICY.limit; failure += 1) {
    score = addPoints(score, 1, POLICY, 1000);
    assert.equal(isOverLimit(score, POLICY), failure === POLICY.limit);
  }
  assert.ok(score !== undefined);
  assert.equal(pointsAt(score, POLICY, 1000 + POLICY.forgetMs / 2), POLICY.limit / 2);
  assert.equal(pointsAt(score, POLICY, 1000 + POLICY.forgetMs), 0);
});

test('who fails no faster than failures are forgotten is never over the limit, however long it goes on', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 300 }), (extraMs) => {
      let nowMs = 0;
      let score: FailureScore | undefined;
      for (const extra of extraMs) {
        nowMs += PER_POINT_MS + extra;
        score = addPoints(score, 1, POLICY, nowMs);
        assert.ok(!isOverLimit(score, POLICY));
      }
    }),
  );
});

test('a score is between nothing and the limit whatever the clock does, and a clock that is set back forgets nothing', () => {
  const step = fc.record({ points: fc.double({ min: 0, max: 50, noNaN: true }), moveMs: fc.integer() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let nowMs = 1.8e12;
      let score: FailureScore | undefined;
      for (const { points, moveMs } of steps) {
        nowMs += moveMs;
        const before: number = score?.points ?? 0;
        score = addPoints(score, points, POLICY, nowMs);
        assert.ok(score.points >= 0 && score.points <= POLICY.limit);
        if (moveMs <= 0) assert.ok(score.points >= Math.min(POLICY.limit, before + points) - 1e-9);
      }
    }),
  );
});
