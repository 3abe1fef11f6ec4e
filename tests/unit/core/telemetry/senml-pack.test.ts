import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDeviceId } from '../../../../core/identity/ids.ts';
import type { Reading } from '../../../../core/telemetry/reading.ts';
import { MAX_RECORDS, parsePack, type PackError } from '../../../../core/telemetry/senml-pack.ts';

const CREATED_S = 1_734_567_891;
const context = {
  deviceId: parseDeviceId('dev-1')!,
  createdUs: CREATED_S * 1e6,
  maxAgeUs: 604_800e6,
  maxAheadUs: 30e6,
};

function readings(pack: unknown): Reading[] {
  const parsed = parsePack(pack, context);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function errors(pack: unknown): readonly PackError[] {
  const parsed = parsePack(pack, context);
  assert.equal(parsed.ok, false, `accepted ${JSON.stringify(pack)}`);
  return parsed.error;
}

const pointers = (pack: unknown): string[] => errors(pack).map(({ pointer }) => pointer);

test('base fields hold from their record onward', () => {
  const result = readings([
    { bn: 'dev-1:', bt: CREATED_S - 10, bu: 'Cel', bv: 20, n: 'temp', v: 1.5 },
    { n: 'temp', v: 2, t: 1 },
    { bv: 0, bu: 'm/s2', n: 'pga', v: 0.4 },
  ]);
  assert.deepEqual(
    result.map(({ metric, timeUs, unit, value }) => [metric, timeUs, unit, value]),
    [
      ['temp', (CREATED_S - 10) * 1e6, 'Cel', 21.5],
      ['temp', (CREATED_S - 9) * 1e6, 'Cel', 22],
      ['pga', (CREATED_S - 10) * 1e6, 'm/s2', 0.4],
    ],
  );
});

test('a time below 2^28 is relative to created, and no time is created itself', () => {
  const times = readings([
    { n: 'a', v: 1, t: -5.5 },
    { n: 'b', v: 1 },
    { n: 'c', v: 1, t: 2 },
  ]).map((r) => r.timeUs);
  assert.deepEqual(times, [CREATED_S * 1e6 - 5_500_000, CREATED_S * 1e6, (CREATED_S + 2) * 1e6]);
});

test('times keep every microsecond', () => {
  const [reading] = readings([{ n: 'a', v: 1, bt: 1_734_567_890, t: 0.123457 }]);
  assert.equal(reading?.timeUs, 1_734_567_890_123_457);
});

test('numbers, strings, booleans and sums are kept apart', () => {
  const result = readings([
    { n: 'number', v: -0.25, s: 3 },
    { n: 'string', vs: 'open' },
    { n: 'boolean', vb: false },
    { n: 'sum', s: 7, bs: 1 },
  ]);
  assert.deepEqual(
    result.map(({ value, sum }) => [value, sum]),
    [
      [-0.25, 3],
      ['open', undefined],
      [false, undefined],
      [undefined, 8],
    ],
  );
});

test('secondary units become primary ones', () => {
  const result = readings([
    { n: 'wind', u: 'km/h', v: 36 },
    { n: 'pressure', u: 'hPa', v: 1013.25 },
    { n: 'power', u: 'dBm', v: 10 },
  ]);
  assert.deepEqual(
    result.map(({ unit, value }) => [unit, value]),
    [
      ['m/s', 10],
      ['Pa', 101_325],
      ['dBW', -20],
    ],
  );
});

test('the name is the bare metric or the device id, a colon and the metric; another device is refused', () => {
  assert.deepEqual(
    readings([{ n: 'dev-1:pga', v: 1 }]).map((r) => r.metric),
    ['pga'],
  );
  for (const n of ['dev-2:pga', 'dev-1/pga', '_x', '-x', 'a b', 'é', 'a'.repeat(65), '']) {
    assert.deepEqual(pointers([{ n, v: 1 }]), ['/0/n'], n);
  }
});

test('a record has one value: none, two, and a data value are refused', () => {
  assert.deepEqual(pointers([{ n: 'a' }]), ['/0']);
  assert.deepEqual(pointers([{ n: 'a', v: 1, vb: true }]), ['/0']);
  assert.deepEqual(pointers([{ n: 'a', vd: 'AAAA' }]), ['/0/vd']);
});

test('wrong types and numbers that are not finite are refused where they stand', () => {
  assert.deepEqual(pointers({}), ['']);
  assert.deepEqual(pointers([]), ['']);
  assert.deepEqual(pointers(null), ['']);
  assert.deepEqual(pointers([{ n: 'a', v: '1' }]), ['/0/v']);
  assert.deepEqual(pointers([{ n: 'a', v: Infinity }]), ['/0/v']);
  assert.deepEqual(
    pointers([
      { n: 'a', v: 1 },
      { n: 'b', v: Number.MAX_VALUE, bv: Number.MAX_VALUE },
    ]),
    ['/1/v'],
  );
  assert.deepEqual(pointers([{ n: 'a', vs: 'nul\0' }]), ['/0/vs']);
  assert.deepEqual(pointers([{ n: 'a', vs: '\ud800' }]), ['/0/vs']);
});

test('an unknown label is ignored unless it ends in an underscore', () => {
  assert.equal(readings([{ n: 'a', v: 1, extra: { deep: true } }]).length, 1);
  assert.deepEqual(pointers([{ n: 'a', v: 1, extra_: 1 }]), ['/0/extra_']);
  assert.deepEqual(pointers([{ n: 'a', v: 1, 'odd/~_': 1 }]), ['/0/odd~1~0_']);
});

test('a version beyond what is supported, and two versions, are refused', () => {
  assert.equal(readings([{ bver: 10, n: 'a', v: 1 }]).length, 1);
  assert.deepEqual(pointers([{ bver: 11, n: 'a', v: 1 }]), ['/0/bver']);
  assert.deepEqual(
    pointers([
      { bver: 10, n: 'a', v: 1 },
      { bver: 26, n: 'b', v: 1 },
    ]),
    ['/1/bver'],
  );
});

test('times more than 30 s ahead of created or more than 7 days before it are refused', () => {
  assert.equal(readings([{ n: 'a', v: 1, t: 30 }]).length, 1);
  assert.equal(readings([{ n: 'a', v: 1, t: -604_800 }]).length, 1);
  assert.deepEqual(pointers([{ n: 'a', v: 1, t: 30.000001 }]), ['/0/t']);
  assert.deepEqual(pointers([{ n: 'a', v: 1, t: -604_800.000001 }]), ['/0/t']);
  assert.deepEqual(pointers([{ n: 'a', v: 1, t: 1e300 }]), ['/0/t']);
});

test('a unit that SenML does not know, and two units for one metric, are refused', () => {
  assert.deepEqual(pointers([{ n: 'a', u: 'furlong', v: 1 }]), ['/0/u']);
  assert.deepEqual(
    pointers([
      { n: 'a', u: 'm', v: 1 },
      { n: 'a', u: 's', v: 1, t: -1 },
    ]),
    ['/1/u'],
  );
});

test('two records with one metric and time are refused, whatever names them', () => {
  assert.deepEqual(
    pointers([
      { n: 'a', v: 1 },
      { n: 'dev-1:a', v: 2 },
    ]),
    ['/1'],
  );
});

test('a pack has at most 1,000 records, and at most 16 errors are reported', () => {
  const record = (_: unknown, index: number) => ({ n: 'a', v: 1, t: -index });
  assert.equal(readings(Array.from({ length: MAX_RECORDS }, record)).length, MAX_RECORDS);
  assert.deepEqual(pointers(Array.from({ length: MAX_RECORDS + 1 }, record)), ['']);
  assert.equal(errors(Array.from({ length: 500 }, () => ({ n: '!', v: 1 }))).length, 16);
  assert.equal(errors(Array.from({ length: 500 }, () => ({ n: '!', v: 1, u: 'furlong', x_: 1 }))).length, 16);
});

test('any JSON value is answered without an exception, and what is accepted is storable', () => {
  const label = fc.constantFrom(
    'bn',
    'bt',
    'bu',
    'bv',
    'bs',
    'bver',
    'n',
    'u',
    'v',
    'vs',
    'vb',
    'vd',
    's',
    't',
    'ut',
    'x_',
    '__proto__',
  );
  const value = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constantFrom('dev-1:', 'pga', 'm/s2', null),
  );
  const pack = fc.array(fc.dictionary(label, value, { maxKeys: 6 }), { maxLength: 5 });
  fc.assert(
    fc.property(fc.oneof(pack, fc.jsonValue()), (input) => {
      const parsed = parsePack(input, context);
      if (!parsed.ok) {
        assert.ok(parsed.error.length > 0 && parsed.error.length <= 16);
        return;
      }
      for (const reading of parsed.value) {
        assert.ok(Number.isSafeInteger(reading.timeUs));
        assert.ok(typeof reading.value !== 'number' || Number.isFinite(reading.value));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a latitude and a longitude of one time make a position, whatever their names and their order', () => {
  const result = readings([
    { n: 'dev-1:y', u: 'lat', v: -90, t: -1 },
    { n: 'x', u: 'lon', v: 180 },
    { n: 'x', u: 'lon', v: -180, t: -1 },
    { n: 'y', u: 'lat', v: 90 },
  ]);
  assert.equal(result.length, 4);
  // As RFC 8428 section 5.1.3 writes it, with the base time and relative ones.
  const moving = readings([
    { bn: 'dev-1:', bt: CREATED_S - 100, n: 'humidity', u: '%RH', v: 20 },
    { n: 'lon', u: 'lon', v: 24.30621 },
    { n: 'lat', u: 'lat', v: 60.07965 },
    { n: 'lon', u: 'lon', t: 60, v: 24.30622 },
    { n: 'lat', u: 'lat', t: 60, v: 60.07965 },
  ]);
  assert.equal(moving.length, 5);
});

test('half a position, two at one time and one beyond the globe are refused where they stand', () => {
  const lat = { n: 'lat', u: 'lat', v: 47.5 };
  const lon = { n: 'lon', u: 'lon', v: 19 };
  const refusals: readonly (readonly [pack: unknown, ...pointers: string[]])[] = [
    [[lat], '/0'],
    [[{ n: 'a', v: 1 }, lon], '/1'],
    [[lat, { ...lon, t: 0.000001 }], '/0', '/1'],
    [[lat, lon, { ...lat, n: 'lat-2' }], '/2'],
    [[{ ...lat, v: 90.0000001 }, lon], '/0/v'],
    [[lat, { ...lon, v: -180.0000001 }], '/1/v'],
    [[{ ...lat, v: 47.5, bv: 47.5 }, lon], '/0/v'],
    [[{ n: 'lat', u: 'lat', vs: '47.5' }, lon], '/0/v'],
    [[lat, { n: 'lon', u: 'lon', vb: true }], '/1/v'],
    [[{ n: 'lat', u: 'lat', s: 47.5 }, lon], '/0/v'],
    [[{ bu: 'lat', n: 'lat', v: 47.5 }], '/0'],
  ];
  for (const [pack, ...expected] of refusals) assert.deepEqual(pointers(pack), expected, JSON.stringify(pack));
  const halves = Array.from({ length: 40 }, (_, index) => ({ ...lat, t: -index }));
  assert.equal(errors(halves).length, 16);
});
