import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseDictionary } from '../../../contracts/structured-fields.ts';
import { oracleAnswer, plainOurs } from '../../support/dictionary-oracle.ts';
import { envelopeVector } from '../../support/vectors.ts';
import { mutatedText } from '../arbitraries/mutated.ts';
import { rarely } from '../arbitraries/rarely.ts';
import { createTarget } from '../fuzz-target.ts';

const { signatureInput, signature, contentDigest } = envelopeVector.http;
export const DICTIONARY_PIECES = [
  ...[
    '=',
    '(',
    ')',
    ';',
    ',',
    ' ',
    '\t',
    '"',
    '\\',
    ':',
    '?',
    '-',
    '.',
    '*',
    '%"',
    '@1',
    '\u00e9',
    '\x7f',
    '\n',
    '\0',
    'A',
    '0',
  ],
  ...[
    'sig1',
    'created',
    ';created=1',
    ';tag="telemetry"',
    ';x',
    ', a',
    '("@method")',
    '()',
    '"x\\"y"',
    '"x\\y"',
    '?1',
    '?2',
  ],
  ...[
    '-1.5',
    '1.0',
    '1.',
    '1.1234',
    '999999999999999',
    '1000000000000000',
    '123456789012.1',
    '1234567890123.1',
    '-0',
    '--1',
  ],
  ...[':AAEC:', ':YQ:', ':YQ=:', ':=:', ':A:', '::', 'token/x', 'T:/!', ';expires=9', ';nonce="01"', ';keyid="a/b/c"'],
];

const texts = fc.oneof(
  {
    weight: 3,
    arbitrary: mutatedText([signatureInput, signature, contentDigest, 'a=1, b;c=?0, d=(1 2);e'], DICTIONARY_PIECES),
  },
  {
    weight: 2,
    arbitrary: fc.array(fc.constantFrom(...DICTIONARY_PIECES), { maxLength: 14 }).map((parts) => parts.join('')),
  },
  fc.string({ unit: 'binary', maxLength: 30 }),
);
/** No line of a request is longer. */
const long = fc
  .tuple(
    fc.constantFrom('a, ', 'a=(', '(1 ', '"\\\\', 'a=:AAAA', ';x', 'a="', '1', ' ', '\t'),
    fc.integer({ min: 1, max: 4096 }),
  )
  .map(([piece, times]) => `a=${piece.repeat(times)}`.slice(0, 4096));

/** RFC 9651 adds dates and display strings to what RFC 8941 has; RFC 9421 is built on the latter. */
const NEWER_TYPE = /@|%"/;
/** The oracle decodes base64 of any length and with padding anywhere. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
function hasLooseBase64(text: string): boolean {
  return [...text.matchAll(/:(?=([A-Za-z0-9+/=]*):)/g)].some(([, base64 = '']) => !BASE64.test(base64));
}

export const structuredFields = createTarget('structured-fields', rarely(texts, long), (text) => {
  const members = parseDictionary(text);
  const theirs = oracleAnswer(text);
  if (members === undefined) {
    if (theirs !== undefined)
      assert.ok(NEWER_TYPE.test(text) || hasLooseBase64(text), 'refused, and accepted by the oracle');
    return;
  }
  assert.deepEqual(plainOurs(members), theirs, 'the oracle reads it differently');
  const again = members.map((member) => `${member.key}${separatorOf(member.text)}${member.text}`).join(', ');
  assert.deepEqual(parseDictionary(again), members, 'the text of the members is not what was read');
});

/** A member that is only a key has parameters or nothing. */
function separatorOf(text: string): string {
  return text === '' || text.startsWith(';') ? '' : '=';
}
