import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeSenmlCbor, parseSenmlCbor } from '../../../contracts/senml-cbor.ts';
import { parsePack } from '../../../core/telemetry/senml-pack.ts';
import { parseJson } from '../../../services/ingest/parse-json.ts';
import { coseVector } from '../../support/vectors.ts';
import { cborItems, deepCbor } from '../arbitraries/cbor-bytes.ts';
import { jsonBytes } from '../arbitraries/json-text.ts';
import { mutated } from '../arbitraries/mutated.ts';
import { rarely } from '../arbitraries/rarely.ts';
import { createTarget } from '../fuzz-target.ts';
import { losesMembers } from '../oracles/count-members.ts';
import { assertReadable, PACK_CONTEXT } from '../oracles/storable-pack.ts';

/** Comparing what is nested deeper ends at the stack. */
const MAX_COMPARED_BYTES = 500;

export const senmlJson = createTarget('senml-json', jsonBytes, (content) => {
  const parsed = parseJson(content);
  const expected = parseIndependently(content);
  assert.equal(parsed !== undefined, expected !== undefined, 'JSON of which one reader knows and another does not');
  if (parsed === undefined) return;
  if (content.length <= MAX_COMPARED_BYTES) assert.deepEqual(parsed.json, expected?.json);
  assertReadable(parsed.json);
});

function parseIndependently(content: Uint8Array): { json: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    const json: unknown = JSON.parse(text);
    return losesMembers(text, json) ? undefined : { json };
  } catch {
    return undefined;
  }
}

/** RFC 8428 section 6, figure 4. */
const RFC_EXAMPLE =
  '87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e066666666666' +
  'a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666' +
  'a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333';
const PACKS = [
  coseVector.contentHex,
  RFC_EXAMPLE,
  '81a3006161068201200281',
  '9fbf00616e0201ffff',
  '81a200616102c48221196ab3',
];
const PIECES = [
  'a2',
  '81',
  '00',
  '02',
  'f94000',
  'f97e00',
  '6176',
  '63efbbbf',
  'c4821a3b',
  'ff',
  '1b0020000000000000',
  '5bffffffffffffffff',
  'bf',
  '9f',
];
const fromHex = (texts: readonly string[]) => texts.map((hex) => Buffer.from(hex, 'hex'));
const packBytes = rarely<Uint8Array>(
  fc.oneof(
    { weight: 3, arbitrary: mutated(fromHex(PACKS), fromHex(PIECES)) },
    { weight: 2, arbitrary: cborItems.map((item) => Buffer.concat([Buffer.of(0x81), item])) },
    fc.uint8Array({ maxLength: 40 }),
  ),
  deepCbor,
);

export const senmlCbor = createTarget('senml-cbor', packBytes, (content) => {
  const parsed = parseSenmlCbor(content);
  if (parsed === undefined) return;
  const { json } = parsed;
  assertReadable(json);
  if (content.length > MAX_COMPARED_BYTES || !Array.isArray(json) || !json.every(isRecord)) return;
  assert.deepEqual(plain(parseSenmlCbor(encodeSenmlCbor(json))?.json), plain(json), 'not the same when written again');
});

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The encoder prefers integers, and CBOR has no integer -0. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, plain(each)]));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const text = fc.oneof(
  fc.constantFrom(
    'pga',
    'a',
    'b.c',
    'urn:dev:mac:0024befffe804ff1:',
    'm/s2',
    'Cel',
    'km/h',
    '\ufeffpga',
    '',
    'x\0',
    'é',
    '\u2028',
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -40, max: 40 }),
  fc.constant(1_734_567_890),
);
const values = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const good = fc.record(
  {
    n: fc.constantFrom('pga', 'a', 'b'),
    v: number,
    t: fc.integer({ min: -9, max: 9 }),
    u: fc.constantFrom('m/s2', 'Cel', 'km/h'),
  },
  { requiredKeys: ['n', 'v'], noNullPrototype: true },
);
const odd = fc.dictionary(
  fc.constantFrom('bver', 'bn', 'bt', 'bu', 'bv', 'bs', 'n', 'u', 'v', 'vs', 'vb', 's', 't', 'ut', 'x', 'x_'),
  values,
  {
    maxKeys: 5,
    noNullPrototype: true,
  },
);
const records = fc.array(fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: odd }), { maxLength: 4 });

export const senmlBoth = createTarget('senml-both', records, (pack) => {
  const json = parseJson(Buffer.from(JSON.stringify(pack)));
  const cbor = parseSenmlCbor(encodeSenmlCbor(pack));
  assert.ok(json && cbor);
  const [fromJson, fromCbor] = [parsePack(json.json, PACK_CONTEXT), parsePack(cbor.json, PACK_CONTEXT)];
  assert.deepEqual(fromCbor, fromJson, 'CBOR and JSON of one pack differ');
});
