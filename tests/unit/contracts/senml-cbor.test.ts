import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, Tagged } from 'cborg';
import fc from 'fast-check';
import { encodeSenmlCbor, parseSenmlCbor } from '../../../contracts/senml-cbor.ts';

const parsed = (hex: string): unknown => parseSenmlCbor(Buffer.from(hex, 'hex'))?.json;

test('integer labels become the names that SenML has for them in JSON', () => {
  const all = new Map<number, unknown>([
    [-1, 10],
    [-2, 'd:'],
    [-3, 1.5],
    [-4, 'V'],
    [-5, 1],
    [-6, 2],
    [0, 'n'],
    [1, 'A'],
    [2, 3],
    [3, 's'],
    [4, true],
    [5, 4],
    [6, -1],
    [7, 9],
    [8, Buffer.from([1])],
  ]);
  assert.deepEqual(parseSenmlCbor(encode([all]))?.json, [
    {
      bver: 10,
      bn: 'd:',
      bt: 1.5,
      bu: 'V',
      bv: 1,
      bs: 2,
      n: 'n',
      u: 'A',
      v: 3,
      vs: 's',
      vb: true,
      s: 4,
      t: -1,
      ut: 9,
      vd: new Uint8Array([1]),
    },
  ]);
});

test('the example of RFC 8428 section 6 is read', () => {
  const json = parsed(
    '87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e066666666666' +
      'a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666' +
      'a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333',
  );
  assert.ok(Array.isArray(json));
  assert.deepEqual(json[0], {
    bn: 'urn:dev:ow:10e2073a0108006:',
    bt: 1276020076.001,
    bu: 'A',
    bver: 5,
    n: 'voltage',
    u: 'V',
    v: 120.1,
  });
  assert.deepEqual(json[1], { n: 'current', t: -5, v: 1.2 });
  assert.deepEqual(json[6], { n: 'current', t: 0, v: 1.7 });
});

test('decimal fractions are the nearest number', () => {
  const record = new Map<number, unknown>([
    [0, 'n'],
    [2, new Tagged(4, [-2, 27315])],
  ]);
  assert.deepEqual(parseSenmlCbor(encode([record]))?.json, [{ n: 'n', v: 273.15 }]);
  for (const parts of [[-2], [1.5, 1], [-2, '1'], [-1e6, 1], 'x']) {
    assert.equal(parseSenmlCbor(encode([new Map<number, unknown>([[2, new Tagged(4, parts)]])])), undefined);
  }
});

test('a known member named by text, and a label that is neither integer nor text, are refused', () => {
  assert.equal(
    parseSenmlCbor(
      encode([
        new Map<unknown, unknown>([
          ['n', 'x'],
          [2, 1],
        ]),
      ]),
    ),
    undefined,
  );
  assert.equal(parseSenmlCbor(encode([new Map<unknown, unknown>([[true, 'x']])])), undefined);
});

test('unknown labels stay when they are text, and are left out when they are integers', () => {
  const record = new Map<unknown, unknown>([
    [0, 'n'],
    ['x_', 1],
    [99, 1],
  ]);
  assert.deepEqual(parseSenmlCbor(encode([record]))?.json, [{ n: 'n', x_: 1 }]);
});

for (const [fault, hex] of Object.entries({
  'a label twice': '81a2006161006162',
  'text that is not UTF-8': '81a10061ff',
  'an integer above 2^53': '81a1021b0020000000000000',
  'an unknown tag': '81a102c101',
  'a break in place of a value': '81bf00ffff',
  'a break in place of a value of so many': '81a102ff',
  'a break as the content of a member that is ignored': '81bf616fffff',
  'bytes after the pack': '81a1020100',
  'a pack that ends early': '82a10201',
  undefined: '81a102f7',
  'the float 2.0 as a label': '81a2006161f9400001',
  'NaN as a label': '81a2006161f97e0001',
  'a byte string twice as a label of something within': '81a16178a2410001410002',
  'an array as a label of something within': '81a16178a18001',
  nothing: '',
})) {
  test(`${fault} makes it no pack at all`, () => {
    assert.equal(parseSenmlCbor(Buffer.from(hex, 'hex')), undefined);
  });
}

test('a byte order mark is a character like any other, as it is in JSON', () => {
  assert.deepEqual(parsed('81a20064efbbbf6e0364efbbbf73'), [{ n: '\ufeffn', vs: '\ufeffs' }]);
});

test('an indefinite pack is read like a definite one', () => {
  assert.deepEqual(parsed('9fbf00616e0201ffff'), [{ n: 'n', v: 1 }]);
});

test('what is written is read back', () => {
  const record = fc.record(
    {
      n: fc.string({ unit: 'binary' }),
      u: fc.string(),
      // CBOR has no integer -0, and the encoder prefers integers.
      v: fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
      t: fc.integer(),
      vb: fc.boolean(),
      extra: fc.string(),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(record), (records) => {
      assert.deepEqual(parseSenmlCbor(encodeSenmlCbor(records))?.json, records);
    }),
  );
});

test('any bytes are read or refused, never thrown', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void parseSenmlCbor(bytes)));
});
