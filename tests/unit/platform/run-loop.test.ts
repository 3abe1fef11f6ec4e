import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { createLogger } from '../../../platform/log/logger.ts';
import { LoopMetrics } from '../../../platform/lifecycle/loop-metrics.ts';
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

test('whether a loop works, how often it failed and how long it takes is told', async () => {
  const registry = new Registry();
  let failures = 2;
  const loop = new RunLoop({
    name: 'told',
    log: createLogger('test', 'silent'),
    pass: () => (failures-- > 0 ? Promise.reject(new Error('not yet')) : Promise.resolve()),
    pauseMs: 3_600_000,
    metrics: new LoopMetrics(registry),
  });
  try {
    assert.match(await registry.metrics(), /loop_up\{loop="told"\} 0\n/);
    loop.start();
    await eventually(async () =>
      assert.match(await registry.metrics(), /loop_pass_duration_seconds_count\{loop="told"\} 1\n/),
    );
    const text = await registry.metrics();
    assert.match(text, /loop_failures_total\{loop="told"\} 2\n/);
    assert.match(text, /loop_up\{loop="told"\} 1\n/);
  } finally {
    await loop.close();
  }
});
