import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseDictionary as parseByOracle } from 'structured-headers';
import {
  parseGeneralClaim,
  parseSignatureClaim,
  parseSignedRequest,
  TELEMETRY_PATH,
} from '../../../contracts/http-signature.ts';
import { envelopeVector } from '../../support/vectors.ts';
import { mutatedText } from '../arbitraries/mutated.ts';
import { createTarget } from '../fuzz-target.ts';
import { DICTIONARY_PIECES } from './structured-fields.ts';

const { http } = envelopeVector;
const often = (text: string, damaged: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(text) }, { weight: 1, arbitrary: damaged });
const parameters = http.signatureInput.slice('sig1='.length).split(';');
/** The parameters in any order, some of them left out, twice or of another kind. */
const shuffled = fc
  .tuple(
    fc.shuffledSubarray(parameters.slice(1), { minLength: 3 }),
    fc.array(
      fc.constantFrom(
        'expires=1734567999',
        'created=1.0',
        'created=1',
        'nonce="01"',
        'alg="x"',
        'x',
        'tag="telemetry"',
      ),
      {
        maxLength: 1,
      },
    ),
    fc.constantFrom('', 'proxy=("@method");tag="proxy", ', 'sig1=1, '),
  )
  .map(([given, more, before]) => `${before}sig1=${[parameters[0], ...given, ...more].join(';')}`);
const requests = fc.record({
  signatureInput: fc.oneof(often(http.signatureInput, mutatedText([http.signatureInput], DICTIONARY_PIECES)), shuffled),
  signature: often(http.signature, mutatedText([http.signature, `a=1, ${http.signature}`], DICTIONARY_PIECES)),
  contentDigest: often(http.contentDigest, mutatedText([http.contentDigest], DICTIONARY_PIECES)),
});

export const httpSignature = createTarget('http-signature', requests, (fields) => {
  const claim = parseSignatureClaim(fields);
  assert.deepEqual(claim, parseGeneralClaim(fields), 'the short way reads it differently');
  const request = parseSignedRequest({ ...fields, contentType: http.contentType }, TELEMETRY_PATH);
  assert.equal(request.ok, claim.ok);
  if (!request.ok) assert.equal(request.error.code, 'signature-invalid');
  if (!claim.ok || !request.ok) return;

  const { keyName, createdS, nonce, signatureParams, signatureBase64, digestBase64 } = claim.value;
  assert.equal(Buffer.from(signatureBase64, 'base64').length, 64);
  assert.equal(Buffer.from(digestBase64, 'base64').length, 32);
  assert.ok(fields.signatureInput.includes(signatureParams) && fields.contentDigest.includes(digestBase64));
  assert.equal(Buffer.from(request.value.signed).toString('latin1').split('\n').length, 5);
  const [, given] = [...parseByOracle(fields.signatureInput)]
    .map(([, member]) => member[1])
    .reduce(
      (found: [number, ReadonlyMap<string, unknown>], each) => (each.get('tag') === 'telemetry' ? [1, each] : found),
      [0, new Map()],
    );
  assert.deepEqual(
    [given.get('keyid'), given.get('created'), given.get('nonce')],
    [`${keyName.deviceId}/${keyName.keyId}`, createdS, String(nonce)],
  );
  const again = parseSignatureClaim({
    signatureInput: `again=${signatureParams}`,
    signature: `again=:${signatureBase64}:`,
    contentDigest: fields.contentDigest,
  });
  assert.deepEqual(again, claim, 'what was read is not read again');
});
