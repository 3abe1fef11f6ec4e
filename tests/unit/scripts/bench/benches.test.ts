import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BENCHES, findBench } from '../../../../scripts/bench/benches.ts';

test('a bench is found by its name', () => {
  assert.equal(findBench('ingest').name, 'ingest');
});

test('an unknown or missing bench is refused with the names of all', () => {
  const names = BENCHES.map(({ name }) => name).join(', ');
  for (const wrong of ['ingset', '', undefined]) {
    assert.throws(() => findBench(wrong), { name: 'CommandFailure', message: new RegExp(`One of: ${names}$`) });
  }
});
