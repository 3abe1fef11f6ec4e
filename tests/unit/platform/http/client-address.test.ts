import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientAddress, parseAddress, parseNetwork, sourceOf } from '../../../../platform/http/client-address.ts';

function network(text: string): NonNullable<ReturnType<typeof parseNetwork>> {
  const parsed = parseNetwork(text);
  assert.ok(parsed);
  return parsed;
}

const behindProxies = new ClientAddress([network('10.0.0.0/8'), network('2001:db8::/32')]);
const find = (peer: string, forwardedFor = ''): string | undefined =>
  behindProxies.find(peer, forwardedFor)?.toString();
const source = (text: string): string | undefined => {
  const address = parseAddress(text);
  return address === undefined ? undefined : sourceOf(address);
};

test('a peer that is no proxy of ours is the client, whatever it claims', () => {
  assert.equal(find('203.0.113.7', '198.51.100.1'), '203.0.113.7');
  assert.equal(new ClientAddress([]).find('10.0.0.1', '198.51.100.1')?.toString(), '10.0.0.1');
});

test('behind proxies the client is the last address that is not one of them', () => {
  assert.equal(find('10.0.0.1', '198.51.100.1'), '198.51.100.1');
  assert.equal(find('10.0.0.1', '1.1.1.1, 198.51.100.1, 10.9.9.9'), '198.51.100.1');
  assert.equal(find('2001:db8::1', '2001:4860::9,2001:db8::2'), '2001:4860::9');
});

test('a proxy that names nobody, or nonsense, counts itself', () => {
  assert.equal(find('10.0.0.1'), '10.0.0.1');
  assert.equal(find('10.0.0.1', 'unknown'), '10.0.0.1');
  assert.equal(find('10.0.0.1', '198.51.100.1, _hidden, 10.0.0.3'), '10.0.0.3');
  assert.equal(find('10.0.0.1', '10.0.0.2'), '10.0.0.2');
});

test('an IPv4 address in IPv6 form is the same source', () => {
  assert.equal(find('::ffff:203.0.113.7'), '203.0.113.7');
  assert.equal(find('::ffff:10.0.0.1', '198.51.100.1'), '198.51.100.1');
  assert.equal(source('::ffff:cb00:7107'), '203.0.113.7');
});

test('IPv4 counts by address and IPv6 by /64', () => {
  assert.equal(source('203.0.113.7'), '203.0.113.7');
  assert.equal(source('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(source('2001:db8:1:2:ffff::1'), '2001:db8:1:2::/64');
});

test('any text is an address or none, never an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.ipV6(), fc.ipV4Extended(), (text, v6, v4) => {
      for (const peer of [text, v6, v4]) behindProxies.find(peer, text);
      parseNetwork(text);
    }),
  );
});
