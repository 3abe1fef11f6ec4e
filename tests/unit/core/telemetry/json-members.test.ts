import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasDuplicateMember } from '../../../../core/telemetry/json-members.ts';

test('a member that is named twice in one object is found, at any depth and in escaped form', () => {
  for (const json of [
    '{"a":1,"a":2}',
    '[{"x":[{"b":1,"c":{},"b":2}]}]',
    '{"bn":1,"\\u0062n":2}',
    '{"":1,"":2}',
    '{"a\\"":1 , "a\\"" : 2}',
  ]) {
    assert.equal(hasDuplicateMember(json), true, json);
  }
});

test('the same name in other objects and the same text as a value are no duplicates', () => {
  for (const json of [
    '[{"a":1},{"a":2}]',
    '{"a":{"a":"a"},"b":"a"}',
    '["a","a"]',
    '{"a":["b","b"],"b":"{\\"b\\":1}"}',
    '"a"',
    '1',
  ]) {
    assert.equal(hasDuplicateMember(json), false, json);
  }
});

test('no JSON that was written by JSON.stringify has a duplicate, and one that is added is found', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { minKeys: 1 }),
      fc.nat(),
      (object, seed) => {
        const json = JSON.stringify(object);
        assert.equal(hasDuplicateMember(json), false, json);
        const names = Object.keys(object);
        const again = JSON.stringify(names[seed % names.length]);
        assert.equal(hasDuplicateMember(`${json.slice(0, -1)},${again}:0}`), true, json);
      },
    ),
    { numRuns: 1000 },
  );
});

test('an object with as many members as a message can hold is read in milliseconds, not seconds', () => {
  const members = Array.from({ length: 37_000 }, (_, index) => `"${index.toString(36)}":1`);
  const startedMs = performance.now();
  assert.equal(hasDuplicateMember(`{${members.join(',')}}`), false);
  assert.ok(performance.now() - startedMs < 500);
});
