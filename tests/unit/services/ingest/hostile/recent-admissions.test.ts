import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentAdmissions } from '../../../../../services/ingest/hostile/recent-admissions.ts';

const MINUTE_MS = 60_000;
const START_MS = 1.8e12;
const at = (address: string, claimant: string | null = null) => ({ address, claimant });

test('an admission counts for its address and for its device there, for ten minutes', () => {
  const admissions = new RecentAdmissions();
  admissions.note('a', 'dev-1', START_MS);
  for (const source of [at('a'), at('a', 'dev-1')]) {
    assert.equal(admissions.has(source, START_MS + 10 * MINUTE_MS - 1), true);
    assert.equal(admissions.has(source, START_MS + 10 * MINUTE_MS), false);
  }
  for (const source of [at('b'), at('a', 'dev-2'), at('b', 'dev-1')]) {
    assert.equal(admissions.has(source, START_MS), false);
  }
});

test('a device that changes between two addresses is known at both', () => {
  const admissions = new RecentAdmissions();
  for (let round = 0; round < 10; round += 1) {
    admissions.note('a', 'dev-1', START_MS + 2 * round * MINUTE_MS);
    admissions.note('b', 'dev-1', START_MS + (2 * round + 1) * MINUTE_MS);
  }
  const nowMs = START_MS + 20 * MINUTE_MS;
  assert.deepEqual([admissions.has(at('a', 'dev-1'), nowMs), admissions.has(at('b', 'dev-1'), nowMs)], [true, true]);
});

test('other processes are told of a new source at once, then every five minutes, and again when that failed', () => {
  const admissions = new RecentAdmissions();
  admissions.note('a', 'dev-1', START_MS);
  const first = admissions.takeUnreported();
  assert.deepEqual(first, ['a', 'a|dev-1']);
  admissions.note('a', 'dev-1', START_MS + 4 * MINUTE_MS);
  assert.deepEqual(admissions.takeUnreported(), []);
  admissions.giveBack(first);
  assert.deepEqual(admissions.takeUnreported(), first);
  admissions.note('a', 'dev-1', START_MS + 5 * MINUTE_MS);
  assert.deepEqual(admissions.takeUnreported(), first);
});

test('what another process says of a source is believed for a moment', () => {
  const admissions = new RecentAdmissions();
  admissions.noteElsewhere(at('a', 'dev-1'), START_MS);
  assert.equal(admissions.has(at('a', 'dev-1'), START_MS + 9000), true);
  assert.equal(admissions.has(at('a'), START_MS), false);
  admissions.forgetOld(START_MS + 10_000);
  assert.equal(admissions.has(at('a', 'dev-1'), START_MS + 10_000), false);
});
