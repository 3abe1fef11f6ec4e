import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canBindLocalAddress,
  localAddressOf,
  MAX_LOCAL_ADDRESSES,
} from '../../../firmware-sim/transport/local-address.ts';

test('every device has a loopback address of its own, never 127.0.0.1', () => {
  const addresses = Array.from({ length: MAX_LOCAL_ADDRESSES }, (_, index) => localAddressOf(index));
  assert.equal(new Set(addresses).size, MAX_LOCAL_ADDRESSES);
  assert.ok(addresses.every((address) => /^127\.[1-9][0-9]*\.[0-9]{1,3}\.[0-9]{1,3}$/.test(address)));
  assert.equal(addresses[0], '127.1.0.1');
});

test('only a loopback target on Linux is reached from there', () => {
  assert.equal(canBindLocalAddress(new URL('http://127.0.0.1:8080'), 'linux'), true);
  assert.equal(canBindLocalAddress(new URL('http://localhost:8080'), 'linux'), true);
  assert.equal(canBindLocalAddress(new URL('http://127.example.org'), 'linux'), false);
  assert.equal(canBindLocalAddress(new URL('http://192.168.1.4'), 'linux'), false);
  assert.equal(canBindLocalAddress(new URL('http://127.0.0.1:8080'), 'darwin'), false);
});
