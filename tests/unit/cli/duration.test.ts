import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from '../../../cli/options/duration.ts';

test('a duration is a number and a unit', () => {
  assert.deepEqual(['0s', '90s', '30m', '1h', '7d'].map(parseDuration), [0, 90_000, 1_800_000, 3_600_000, 604_800_000]);
});

test('anything else is no duration', () => {
  for (const text of ['', '1', 'h', '-1h', '1.5h', '1 h', '1h30m', '1w', '1e3s', '1000000d']) {
    assert.throws(() => parseDuration(text), /is not a duration/);
  }
});
