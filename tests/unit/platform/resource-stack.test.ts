import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResourceStack } from '../../../platform/lifecycle/resource-stack.ts';
import { createLogger } from '../../../platform/log/logger.ts';

test('what was opened is closed in reverse order, also behind one that fails', async () => {
  const stack = new ResourceStack(createLogger('test', 'silent'));
  const closed: string[] = [];
  stack.defer('first', () => void closed.push('first'));
  stack.defer('broken', () => Promise.reject(new Error('no')));
  stack.defer('last', () => void closed.push('last'));
  await stack.close();
  assert.deepEqual([closed, stack.names()], [['last', 'first'], []]);
});

test('what is still open is named, the first to close first, with those of its parts that are', async () => {
  const stack = new ResourceStack(createLogger('test', 'silent'));
  const parts = new Set(['persist 0', 'detect']);
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  stack.defer('Redis', () => undefined);
  stack.defer(
    'loops',
    () => ended,
    () => [...parts],
  );
  assert.deepEqual(stack.names(), ['loops (persist 0, detect)', 'Redis']);
  const closing = stack.close();
  parts.delete('detect');
  assert.deepEqual(stack.names(), ['loops (persist 0)', 'Redis']);
  parts.clear();
  assert.deepEqual(stack.names(), ['loops', 'Redis']);
  end();
  await closing;
  assert.deepEqual(stack.names(), []);
});
