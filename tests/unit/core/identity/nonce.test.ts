import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstNonceAfterBoot, parseNonce } from '../../../../core/identity/nonce.ts';

test('a nonce is a decimal integer below 2^53 without leading zeros', () => {
  assert.equal(parseNonce('0'), 0);
  assert.equal(parseNonce('9007199254740991'), Number.MAX_SAFE_INTEGER);
  for (const text of ['', '00', '01', '-1', '1.0', '1e3', ' 1', '9007199254740992', '99999999999999999']) {
    assert.equal(parseNonce(text), undefined, text);
  }
});

test('after a boot the nonce starts at created times 2^20 and never at or below the last one used', () => {
  assert.equal(firstNonceAfterBoot(1_734_567_891), 1_734_567_891 * 2 ** 20);
  assert.equal(firstNonceAfterBoot(10, 10 * 2 ** 20 + 5), 10 * 2 ** 20 + 6);
});
