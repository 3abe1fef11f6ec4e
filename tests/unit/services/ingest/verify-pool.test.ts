import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VerifyPool } from '../../../../services/ingest/verify/verify-pool.ts';

function open(): VerifyPool {
  return new VerifyPool({ verifier: 'node', threads: 2, maxReadingAgeUs: 1e9, maxReadingAheadUs: 1e9 });
}

test('a pool that is closed at once waits until its threads have loaded, because Node aborts when one is ended before', async () => {
  const pool = open();
  let isReady = false;
  void pool.ready.then(() => (isReady = true));
  await pool.close();
  assert.ok(isReady);
});

test('a thread that cannot start is an error, and keeps nobody from closing the pool', async () => {
  const pool = new VerifyPool({ verifier: 'node', threads: 1, maxReadingAgeUs: NaN, maxReadingAheadUs: 1e9 });
  await assert.rejects(pool.ready);
  await pool.close();
});
