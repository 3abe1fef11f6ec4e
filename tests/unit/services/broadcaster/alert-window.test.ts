import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cursor } from '../../../../contracts/cursor.ts';
import { AlertWindow } from '../../../../services/broadcaster/stream/alert-window.ts';
import { EntryStream } from '../../../support/stream-entries.ts';

const at = (ms: number): Cursor => ({ ms, seq: 0 });

function fill(window: AlertWindow, count: number): AlertWindow {
  const stream = new EntryStream(count);
  for (let index = 0; index < count; index += 1) window.append(stream.append({ subject: `dev-${index}` }));
  return window;
}

test('the window keeps so many entries and none that is older, and says from where on it knows all', () => {
  const window = fill(new AlertWindow('e', { count: 5, ageMs: 1000 }, at(0), at(0)), 8);
  assert.deepEqual([window.size, window.floor, window.end], [5, at(3), at(8)]);
  assert.equal(window.after(at(3))?.at.ms, 4);
  window.dropOlderThan(1006);
  assert.deepEqual([window.size, window.floor, window.end], [3, at(5), at(8)]);
  window.dropOlderThan(1_000_000);
  assert.deepEqual([window.size, window.floor, window.end], [0, at(8), at(8)]);
  assert.equal(window.after(at(8)), undefined);
});

test('what comes behind a cursor is found wherever the cursor is, also when much has been dropped', () => {
  const window = fill(new AlertWindow('e', { count: 100, ageMs: Infinity }, at(0), at(0)), 5000);
  for (let ms = 4900; ms < 5000; ms += 1) assert.equal(window.after(at(ms))?.at.ms, ms + 1);
  assert.equal(window.after(at(0))?.at.ms, 4901);
  assert.equal(window.after({ ms: 4950, seq: 7 })?.at.ms, 4951);
  assert.equal(window.after(at(5000)), undefined);
});
