import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameBasedId } from '../../../../platform/crypto/name-based-id.ts';

test('an id is a UUID of version 8 that has all other bits of the digest of its name', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      const id = nameBasedId(name);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const bits = (hex: string): bigint => BigInt(`0x${hex}`) & ~((0xfn << 76n) | (0x3n << 62n));
      const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
      assert.equal(bits(id.replaceAll('-', '')), bits(digest));
    }),
  );
});

test('the same name has the same id, and another name another one', () => {
  assert.equal(nameBasedId('192.0.2.1 5'), nameBasedId('192.0.2.1 5'));
  assert.notEqual(nameBasedId('192.0.2.1 5'), nameBasedId('192.0.2.1 6'));
});
