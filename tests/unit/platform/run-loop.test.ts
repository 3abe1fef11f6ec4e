import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../../platform/log/logger.ts';
import { RunLoop } from '../../../platform/lifecycle/run-loop.ts';
import { eventually } from '../../support/eventually.ts';

test('a loop with a long pause works again as soon as a pass has, and ends in the middle of its pause', async () => {
  let passes = 0;
  const pass = (): Promise<void> => {
    passes += 1;
    return passes === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
  };
  const loop = new RunLoop({ name: 'test', log: createLogger('test', 'silent'), pass, pauseMs: 3_600_000 });
  loop.start();
  await eventually(() => assert.equal(loop.healthy, false));
  await eventually(() => assert.equal(loop.healthy, true));
  assert.equal(passes, 2);
  await loop.close();
  assert.equal(passes, 2);
});
