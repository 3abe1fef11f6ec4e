import fc from 'fast-check';
import { mutated } from './mutated.ts';
import { rarely } from './rarely.ts';
import { envelopeVector, possessionVector } from '../../support/vectors.ts';

const LABELS = 'bver bn bt bu bv bs n u v vs vb vd s t ut x x_ __proto__ constructor \\u006e'.split(' ');
/** As a text would have them that JSON.stringify could not write. */
const LITERALS = [
  ...[
    '1e400',
    '-1e999',
    '1e308',
    '-0',
    '1.0',
    '1e-400',
    'NaN',
    'Infinity',
    '0x10',
    '01',
    '+1',
    '.5',
    '9007199254740993',
  ],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\\ud83c\\udf0b"', '"a\\u0000b"', '"\\ufeffa"', '"\u2028"', '"\\x"', '"', '""'],
  ...[
    '"urn:dev:mac:0024befffe804ff1:"',
    '"urn:dev:mac:0024befffe804ff1:pga"',
    '"pga"',
    '"m/s2"',
    '"Cel"',
    '"km/h"',
    '"dBm"',
  ],
  ...[
    'null',
    'true',
    'false',
    '[]',
    '{}',
    '{"a":1,"a":2}',
    '[{"b":{}}]',
    '1',
    '10',
    '26',
    '-5',
    '1734567890',
    '',
    '/**/1',
  ],
];

const literals = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...LITERALS) },
  fc.double().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
);
const members = fc.tuple(fc.constantFrom(...LABELS), literals).map(([label, literal]) => `"${label}":${literal}`);
const records = fc.array(members, { maxLength: 5 }).map((list) => `{${list.join(',')}}`);
const good = fc
  .tuple(
    fc.constantFrom('pga', 'a', 'b.c'),
    fc.constantFrom('"v":1.5', '"vs":"on"', '"vb":false', '"s":2'),
    fc.integer({ min: -9, max: 9 }),
  )
  .map(([name, value, time]) => `{"n":"${name}",${value},"t":${time}}`);
const packs = fc
  .array(fc.oneof({ weight: 2, arbitrary: good }, { weight: 1, arbitrary: records }), { maxLength: 4 })
  .map((list) => Buffer.from(`[${list.join(',')}]`));

const CORPUS = [envelopeVector.http.body, possessionVector.enrolment.body, possessionVector.key.body];
const PIECES = [...LITERALS, ...'[ ] { } , : \\ " \ufeff \0 [[ ]] }{'.split(' '), '"n":1,"n":2', '\\u0000', '1e400'];
const bytesOf = (texts: readonly string[]) => texts.map((text) => Buffer.from(text));

const deep = fc
  .tuple(
    fc.constantFrom('[', '{"a":', '[{"n":', '"\\\\', '{},', '0,', '\\"'),
    fc.integer({ min: 1, max: 65_536 }),
    fc.boolean(),
  )
  .map(([piece, times, closed]) => {
    const open = `[${piece.repeat(times)}`;
    return Buffer.from(
      (closed ? `${open}1${piece.startsWith('[') ? ']'.repeat(times) : '}'.repeat(times)}]` : open).slice(0, 262_144),
    );
  });

/** Bytes that are JSON, that are nearly JSON, and that are not. */
export const jsonBytes: fc.Arbitrary<Uint8Array> = rarely<Uint8Array>(
  fc.oneof(
    { weight: 3, arbitrary: packs },
    { weight: 3, arbitrary: mutated(bytesOf(CORPUS), bytesOf(PIECES)) },
    fc.uint8Array({ maxLength: 40 }),
  ),
  deep,
);

/** Members of any kind under these names, some of them twice. */
export function jsonObjects(names: readonly string[], values: readonly string[]): fc.Arbitrary<string> {
  const value = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, literals);
  const member = fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `"${name}":${text}`);
  return fc.array(member, { maxLength: names.length + 1 }).map((list) => `{${list.join(',')}}`);
}
