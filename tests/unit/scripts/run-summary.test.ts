import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRun, type RunSummary } from '../../../scripts/audit/run-summary.ts';

const good: RunSummary = { accepted: 10, stored: 9, duplicates: 1, rejected: 2, alerts: 1, delivered: 1, lost: 0 };
const everything = { readings: true, alerts: true };

test('a run that kept every acknowledged reading and delivered its alert has no problem', () => {
  assert.deepEqual(judgeRun(good, everything), []);
});

test('a lost reading is a problem of every run', () => {
  const problems = judgeRun({ ...good, stored: 8, lost: 1 }, { readings: false, alerts: false });
  assert.match(problems.join('\n'), /1 acknowledged readings are not in the database/);
});

test('an acknowledged reading that is neither stored nor a duplicate is a problem', () => {
  assert.match(judgeRun({ ...good, duplicates: 0 }, everything).join('\n'), /is not accepted 10/);
});

test('silence is a problem only of a run that was long enough', () => {
  const silent: RunSummary = { accepted: 0, stored: 0, duplicates: 0, rejected: 0, alerts: 0, delivered: 0, lost: 0 };
  assert.deepEqual(judgeRun(silent, { readings: false, alerts: false }), []);
  assert.deepEqual(judgeRun(silent, everything), [
    'no reading was accepted',
    'the quake raised no alert',
    'no alert reached the WebSocket client',
  ]);
});
