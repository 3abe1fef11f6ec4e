import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimerWheel } from '../../../../core/time/timer-wheel.ts';

const START_US = 1_700_000_000_000_000;

test('a timer fires once, after its time and not at it', () => {
  const wheel = new TimerWheel();
  wheel.set('a', START_US + 500_000);
  assert.deepEqual(wheel.advance(START_US), []);
  assert.deepEqual(wheel.advance(START_US + 500_000), []);
  assert.deepEqual(wheel.advance(START_US + 500_001), ['a']);
  assert.deepEqual(wheel.advance(START_US + 9_000_000), []);
  assert.equal(wheel.size, 0);
});

test('a timer of a day lasts a day, however often the wheel has turned', () => {
  const wheel = new TimerWheel();
  const dueUs = START_US + 86_400_000_000;
  wheel.set('a', dueUs);
  for (let nowUs = START_US; nowUs <= dueUs; nowUs += 30_000_000) assert.deepEqual(wheel.advance(nowUs), []);
  assert.deepEqual(wheel.advance(dueUs + 1), ['a']);
});

test('a wheel that nobody turned for a day fires what is due, in its order', () => {
  const wheel = new TimerWheel();
  wheel.advance(START_US);
  wheel.set('late', START_US + 3_600_000_000);
  wheel.set('early', START_US + 1);
  wheel.set('never', START_US + 90_000_000_000);
  assert.deepEqual(wheel.advance(START_US + 86_400_000_000), ['early', 'late']);
  assert.equal(wheel.size, 1);
});

test('whatever is set, moved and deleted in whatever order, what fires is what a list of all timers would fire', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      // From a long time ago to several turns.
      inMs: fc.oneof(fc.integer({ min: -200_000, max: 400_000 }), fc.integer({ min: -300, max: 300 })),
    }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom('a', 'b', 'c', 'd', 'e') }),
    fc.record({
      kind: fc.constant('advance' as const),
      byMs: fc.oneof(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 0, max: 250_000 })),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const wheel = new TimerWheel();
      const model = new Map<string, number>();
      let nowUs = START_US;
      let newestUs = -Infinity;
      for (const each of steps) {
        if (each.kind === 'set') {
          wheel.set(each.key, nowUs + each.inMs * 1000);
          model.set(each.key, nowUs + each.inMs * 1000);
          assert.ok(wheel.isSetBefore(each.key, nowUs + each.inMs * 1000));
          assert.ok(!wheel.isSetBefore(each.key, nowUs + each.inMs * 1000 - 1));
        } else if (each.kind === 'delete') {
          wheel.delete(each.key);
          model.delete(each.key);
        } else {
          nowUs += each.byMs * 1000;
          // While time is behind what it was nothing fires.
          const due = nowUs < newestUs ? [] : [...model].filter(([, dueUs]) => dueUs < nowUs);
          newestUs = Math.max(nowUs, newestUs);
          due.sort(([a, aUs], [b, bUs]) => aUs - bUs || (a < b ? -1 : 1));
          for (const [key] of due) model.delete(key);
          assert.deepEqual(
            wheel.advance(nowUs),
            due.map(([key]) => key),
          );
        }
        assert.equal(wheel.size, model.size);
      }
    }),
    { numRuns: 1000 },
  );
});
