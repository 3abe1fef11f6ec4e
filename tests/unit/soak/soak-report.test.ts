import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeProcess, reportProcess, type Series } from '../../soak/soak-report.ts';

const series = (looks: number, at: (look: number) => { heap?: number; timers?: number }): Series =>
  Array.from({ length: looks }, (_, look) => {
    const { heap = 1000, timers = 3 } = at(look);
    return { heapUsed: heap, resources: { Timeout: timers } };
  });
const problems = (looks: Series) => judgeProcess('worker', reportProcess(looks));

test('a heap that has grown by more than a twentieth from the second quarter to the last is not flat', () => {
  assert.deepEqual(problems(series(40, () => ({}))), []);
  assert.deepEqual(problems(series(40, (look) => ({ heap: 1000 + look }))), []);
  assert.equal(problems(series(40, (look) => ({ heap: 1000 + 10 * look }))).length, 1);
  // What is loaded at first does not count.
  assert.deepEqual(problems(series(40, (look) => ({ heap: look < 9 ? 500 : 1000 }))), []);
});

test('timers that are more in every look of the last quarter leak; more for a moment is none', () => {
  assert.deepEqual(problems(series(40, (look) => ({ timers: look === 35 ? 9 : 3 }))), []);
  assert.deepEqual(problems(series(40, (look) => ({ timers: 3 + Math.floor(look / 10) }))), [
    'worker has 2 more of Timeout',
  ]);
});
