import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatSignatureParams,
  parseGeneralClaim,
  parseSignatureClaim,
  signatureBase,
} from '../../../contracts/http-signature.ts';
import { envelopeVector } from '../../support/vectors.ts';

const { http } = envelopeVector;
const good = { signatureInput: http.signatureInput, signature: http.signature, contentDigest: http.contentDigest };

function reasonFor(changes: Partial<typeof good>): string {
  const claim = parseSignatureClaim({ ...good, ...changes });
  assert.equal(claim.ok, false, `accepted ${JSON.stringify(changes)}`);
  return claim.error;
}

const input = (change: (text: string) => string): string => reasonFor({ signatureInput: change(good.signatureInput) });

test('the envelope vector parses to its claim, and its signature base is rebuilt byte for byte', () => {
  const claim = parseSignatureClaim(good);
  assert.ok(claim.ok);
  assert.deepEqual(claim.value.keyName, { deviceId: 'urn:dev:mac:0024befffe804ff1', keyId: '1' });
  assert.equal(claim.value.createdS, 1734567891);
  assert.equal(claim.value.nonce, 1818826260873217);
  assert.equal(
    signatureBase(http.contentType, claim.value.contentDigest, claim.value.signatureParams),
    http.signatureBase,
  );
});

/** Text that differs from the given one in a few places. */
const damaged = (text: string): fc.Arbitrary<string> => {
  const piece = fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      ';',
      ',',
      '=',
      ':',
      '"',
      '(',
      ')',
      '0',
      '9',
      '-',
      '.',
      '/',
      '?1',
      'A',
      '\\',
      '\u00e9',
      ', sig1=()',
    ),
    fc.string({ maxLength: 3 }),
  );
  const edit = fc.record({ at: fc.nat(text.length), remove: fc.nat(3), insert: piece });
  return fc
    .array(edit, { maxLength: 2 })
    .map((edits) =>
      edits.reduce((each, { at, remove, insert }) => each.slice(0, at) + insert + each.slice(at + remove), text),
    );
};

test('the short way for the usual request reads what the grammar reads, and nothing else', () => {
  const usual = formatSignatureParams({ createdS: 1734567891, keyId: 'dev-1/1', nonce: 7 });
  const digest = good.contentDigest;
  fc.assert(
    fc.property(
      damaged(`sig1=${usual}`),
      damaged(good.signature),
      damaged(digest),
      (signatureInput, signature, contentDigest) => {
        const fields = { signatureInput, signature, contentDigest };
        assert.deepEqual(parseSignatureClaim(fields), parseGeneralClaim(fields));
      },
    ),
    { numRuns: 3000 },
  );
});

test('the parameters that a device formats are those of the vector', () => {
  const params = formatSignatureParams({
    createdS: 1734567891,
    keyId: 'urn:dev:mac:0024befffe804ff1/1',
    nonce: 1818826260873217,
  });
  assert.equal(`sig1=${params}`, http.signatureInput);
});

test('parameters may come in any order, with expires, under any label, beside signatures with other tags', () => {
  const params = /\(.*/.exec(good.signatureInput)?.[0] ?? '';
  const [components = '', ...rest] = params.split(';');
  const reordered = [components, ...rest.reverse(), 'expires=1734567999'].join(';');
  const claim = parseSignatureClaim({
    ...good,
    signatureInput: `proxy=("@method");created=1;tag="proxy", dev=${reordered}`,
    signature: `proxy=:AAAA:, ${good.signature.replace('sig1', 'dev')}`,
  });
  assert.ok(claim.ok);
  assert.equal(claim.value.expiresS, 1734567999);
  assert.equal(claim.value.signatureParams, reordered);
});

test('a signature that covers too little, too much, or in another order is refused', () => {
  for (const components of [
    '("@method" "@path" "content-type")',
    '("@path" "@method" "content-type" "content-digest")',
    '("@method" "@path" "content-type" "content-digest" "date")',
    '("@method" "@method" "content-type" "content-digest")',
    '("@method";req "@path" "content-type" "content-digest")',
    '()',
  ]) {
    assert.match(
      input((text) => text.replace(/\(.*?\)/, components)),
      /must cover exactly/,
    );
  }
});

test('a duplicate parameter, an unknown parameter and a duplicate label are refused', () => {
  assert.match(
    input((text) => `${text};created=1734567891`),
    /parameter twice/,
  );
  assert.match(
    input((text) => `${text};extra`),
    /not part of the profile/,
  );
  assert.match(
    input((text) => `${text}, sig1=("@method")`),
    /label twice/,
  );
  assert.match(reasonFor({ signature: `${good.signature}, ${good.signature}` }), /64 bytes/);
});

test('none and two signatures for telemetry are refused', () => {
  assert.match(
    input((text) => text.replace('tag="telemetry"', 'tag="other"')),
    /exactly one/,
  );
  assert.match(
    input((text) => `${text}, ${text.replace('sig1', 'sig2')}`),
    /exactly one/,
  );
  assert.match(
    input(() => ''),
    /exactly one/,
  );
});

test('created must be an integer: 1.0, a string and a negative number are refused', () => {
  for (const created of ['1.0', '"1734567891"', '-1', '?1']) {
    assert.match(
      input((text) => text.replace(/created=\d+/, `created=${created}`)),
      /created/,
    );
  }
});

test('nonce is a decimal string below 2^53 without leading zeros', () => {
  for (const nonce of ['""', '"01"', '"-1"', '"9007199254740992"', '"12345678901234567"', '123', '"1e3"']) {
    assert.match(
      input((text) => text.replace(/nonce="\d+"/, `nonce=${nonce}`)),
      /nonce/,
    );
  }
});

test('another algorithm, none, and a keyid without exactly one slash are refused', () => {
  assert.match(
    input((text) => text.replace('ecdsa-p256-sha256', 'hmac-sha256')),
    /alg/,
  );
  assert.match(
    input((text) => text.replace(/;alg="[^"]*"/, '')),
    /alg/,
  );
  for (const keyid of ['dev', 'dev/', '/1', 'dev/1/2', 'dev/1 ']) {
    assert.match(
      input((text) => text.replace(/keyid="[^"]*"/, `keyid="${keyid}"`)),
      /keyid/,
    );
  }
});

test('a signature that is missing, of another length, or not a byte sequence is refused', () => {
  for (const signature of ['', 'sig2=:AAAA:', 'sig1=:AAAA:', 'sig1="text"', `${good.signature};p=1`, 'sig1=:A:']) {
    assert.match(reasonFor({ signature }), /64 bytes/);
  }
});

test('Content-Digest must be one sha-256 of 32 bytes', () => {
  for (const contentDigest of [
    '',
    'sha-512=:AAAA:',
    `${good.contentDigest}, sha-512=:AAAA:`,
    'sha-256=:AAAA:',
    'sha-256',
  ]) {
    assert.match(reasonFor({ contentDigest }), /sha-256/);
  }
});
