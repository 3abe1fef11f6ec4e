import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains, isWide, parseNetworkOption } from '../../../cli/blocks/network-option.ts';

test('an address or a network is written in one way', () => {
  for (const [text, written] of [
    ['192.0.2.7', '192.0.2.7/32'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::/64', '2001:db8::/64'],
    ['::/0', '::/0'],
  ] as const) {
    assert.equal(parseNetworkOption(text).text, written);
  }
});

test('what is no network, or another one than it seems, is refused with what to write', () => {
  for (const [text, message] of [
    ['nobody', /no address or network/],
    ['10.0.0.0/33', /no address or network/],
    ['10.0.0.0/8/8', /no address or network/],
    ['10.0.0.0/', /no address or network/],
    ['10.0.0.0/08', /no address or network/],
    ['10.0/8', /no address or network/],
    ['0x7f.0.0.1', /no address or network/],
    ['010.0.0.0/8', /no address or network/],
    ['fe80::1%eth0', /no address or network/],
    ['10.1.2.3/8', /did you mean 10\.0\.0\.0\/8\?/],
    ['2001:db8::1/32', /did you mean 2001:db8::\/32\?/],
    ['2001:db8::1', /write 2001:db8::\/64/],
    ['::ffff:192.0.2.7', /write 192\.0\.2\.7/],
  ] as const) {
    assert.throws(() => parseNetworkOption(text), message, text);
  }
});

test('wide networks are known as such, and a network knows what lies in it', () => {
  const wide = ['0.0.0.0/0', '0.0.0.0/7', '::/0', '2000::/3'];
  const narrow = ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'];
  assert.ok(wide.every((text) => isWide(parseNetworkOption(text))));
  assert.ok(narrow.every((text) => !isWide(parseNetworkOption(text))));
  const network = parseNetworkOption('2001:db8::/32');
  assert.deepEqual(
    ['2001:db8:1::/64', '2001:db9::/64', '192.0.2.7', 'nobody'].map((source) => contains(network, source)),
    [true, false, false, false],
  );
});
