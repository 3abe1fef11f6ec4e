import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createApiKey, parseApiKey } from '../../../../core/identity/api-key.ts';

test('a created key has the documented form and parses to its id', () => {
  const key = createApiKey(randomBytes);
  assert.match(key.text, /^tt_[0-9A-Za-z]{12}_[0-9A-Za-z]{36}$/);
  assert.deepEqual(parseApiKey(key.text), key);
});

test('one wrong character is caught by the checksum', () => {
  const { text } = createApiKey(randomBytes);
  fc.assert(
    fc.property(fc.integer({ min: 3, max: text.length - 1 }), fc.stringMatching(/^[0-9A-Za-z]$/), (at, other) => {
      fc.pre(text[at] !== other && text[at] !== '_');
      assert.equal(parseApiKey(text.slice(0, at) + other + text.slice(at + 1)), undefined);
    }),
  );
});

test('anything else is refused without an exception', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(parseApiKey(text), undefined)));
});
