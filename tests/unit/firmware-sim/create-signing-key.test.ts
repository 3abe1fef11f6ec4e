import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { createSigningKey } from '../../../firmware-sim/fleet/create-signing-key.ts';

const CREATE_MANY_KEYS = fileURLToPath(new URL('./create-many-keys.js', import.meta.url));

test('a new key is a pair, its coordinates 32 bytes each', () => {
  // One in 256 begins with a zero byte.
  for (let count = 0; count < 1000; count += 1) {
    const key = createSigningKey();
    for (const part of [key.x, key.y, key.d]) assert.equal(Buffer.from(part, 'base64url').length, 32);
  }
  const key = createSigningKey();
  const { kty, crv, x, y } = key;
  const signature = sign('sha256', Buffer.from('text'), createPrivateKey({ key, format: 'jwk' }));
  const publicKey = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  assert.equal(verify('sha256', Buffer.from('text'), publicKey, signature), true);
});

test('thousands of keys are made while the garbage collector runs at every moment', async () => {
  const args = ['--gc-interval=101', CREATE_MANY_KEYS];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000, killSignal: 'SIGKILL' });
  assert.equal(stdout, '20000');
});
