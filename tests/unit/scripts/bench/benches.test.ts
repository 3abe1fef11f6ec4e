import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BENCHES, findBench } from '../../../../scripts/bench/benches.ts';
import { medianOf } from '../../../../scripts/bench/median.ts';

test('a bench is found by its name', () => {
  assert.equal(findBench('ingest').name, 'ingest');
});

test('an unknown or missing bench is refused with the names of all', () => {
  const names = BENCHES.map(({ name }) => name).join(', ');
  for (const wrong of ['ingset', '', undefined]) {
    assert.throws(() => findBench(wrong), { name: 'CommandFailure', message: new RegExp(`One of: ${names}$`) });
  }
});

test('the median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(medianOf([9, 1, 5]), 5);
  assert.equal(medianOf([10, 1, 2, 4]), 3);
  assert.equal(medianOf([]), NaN);
});
