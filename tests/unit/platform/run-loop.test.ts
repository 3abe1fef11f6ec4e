import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../../platform/log/logger.ts';
import { RunLoop } from '../../../platform/lifecycle/run-loop.ts';
import { eventually } from '../../support/eventually.ts';

test('a loop with a long pause works again as soon as a pass has, and ends in the middle of its pause', async () => {
  const healthy: boolean[] = [];
  const pass = (): Promise<void> => {
    healthy.push(loop.healthy);
    return healthy.length === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
  };
  const loop = new RunLoop({ name: 'test', log: createLogger('test', 'silent'), pass, pauseMs: 3_600_000 });
  try {
    loop.start();
    await eventually(() => assert.equal(healthy.length, 2));
    await eventually(() => assert.equal(loop.healthy, true));
    // At its second pass it still was not.
    assert.equal(healthy[1], false);
  } finally {
    await loop.close();
  }
  assert.equal(healthy.length, 2);
});
