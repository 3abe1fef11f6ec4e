import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_HEADER_BYTES } from '../../../contracts/http-signature.ts';
import { envelopeFormOf } from '../../../services/ingest/http/read-envelope.ts';
import { readHeaders } from '../../../services/ingest/http/read-headers.ts';
import { envelopeVector } from '../../support/vectors.ts';
import { mutatedText } from '../arbitraries/mutated.ts';
import { createTarget } from '../fuzz-target.ts';

const { contentType, contentDigest, signatureInput, signature } = envelopeVector.http;
const ONCE_ONLY = {
  'x-api-key': 'apiKey',
  'content-type': 'contentType',
  'content-digest': 'contentDigest',
  'signature-input': 'signatureInput',
  signature: 'signature',
} as const;
const NAMES = [
  ...Object.keys(ONCE_ONLY),
  'content-length',
  'x-forwarded-for',
  'host',
  '__proto__',
  'constructor',
  'x-pad',
];

const values = fc.oneof(
  mutatedText(
    [contentType, contentDigest, signatureInput, signature, '118', '', '192.0.2.1, 10.0.0.1'],
    ['0', '-1', '0x10', '1e3', '99999999999'],
  ),
  fc.nat(3000).map((length) => 'p'.repeat(length)),
);
const fields = fc.array(
  fc.tuple(fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...NAMES) }, fc.string({ maxLength: 8 })), values),
  {
    maxLength: 12,
  },
);

type Fields = readonly (readonly [name: string, value: string])[];

function valuesOf(given: Fields, name: string): readonly string[] {
  return given.filter(([each]) => each === name).map(([, value]) => value);
}

/** The fields as uWebSockets hands them over: names in lower case, each as often as it came. */
export const headers = createTarget('headers', fields, (given) => {
  const result = readHeaders({ forEach: (each) => given.forEach(([name, value]) => each(name, value)) });
  const repeated = [...Object.keys(ONCE_ONLY), 'content-length'].some((name) => valuesOf(given, name).length > 1);
  const bytes = given.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  const [length] = valuesOf(given, 'content-length');
  const badLength = length !== undefined && !/^[0-9]{1,10}$/.test(length);
  const expected =
    repeated || badLength ? 'malformed-request' : bytes > MAX_HEADER_BYTES ? 'headers-too-large' : 'accepted';
  assert.equal(result.ok ? 'accepted' : result.error.code, expected);
  if (!result.ok) return;
  for (const [name, member] of Object.entries(ONCE_ONLY)) {
    assert.equal(result.value[member], valuesOf(given, name)[0] ?? '');
  }
  assert.equal(result.value.contentLength, length === undefined ? undefined : Number(length));
  assert.equal(result.value.forwardedFor, valuesOf(given, 'x-forwarded-for').join(','));
});

const KINDS: Readonly<Record<string, RegExp>> = {
  'http-signature': /^application\/senml\+(json|cbor)$/,
  jws: /^application\/jose$/,
  cose: /^application\/cose *; *cose-type=("?)cose-sign1\1$/,
};
const contentTypes = mutatedText(
  ['application/senml+json', 'application/senml+cbor', 'application/jose', 'application/cose; cose-type="cose-sign1"'],
  [';', ' ', '"', 'application/', '; charset=utf-8', ',', '\t'],
);

export const mediaTypes = createTarget('content-type', contentTypes, (text) => {
  const form = envelopeFormOf(text);
  const expected = Object.keys(KINDS).find((kind) => KINDS[kind]?.test(text.toLowerCase()));
  assert.equal(form?.kind, expected);
  if (form?.kind === 'http-signature') assert.equal(form.mediaType, text.toLowerCase());
});
