import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { encodeHead, exchange, send, withoutField } from '../../support/raw-http.ts';
import type { SignedDevice } from '../../support/signed-device.ts';

const DAY_S = 86_400;

let platform: IngestPlatform;
let device: SignedDevice;

before(async () => {
  platform = await openIngestPlatform();
  device = await platform.addDevice();
});
after(() => platform[Symbol.asyncDispose]());

const MALFORMED: Readonly<Record<string, string | Uint8Array>> = {
  empty: '',
  'only spaces': '   ',
  'not JSON': 'pga=0.42',
  'cut off': '[{"n":"pga","v":1}',
  'followed by something': '[{"n":"pga","v":1}] 1',
  'two packs': '[{"n":"pga","v":1}][{"n":"pga","v":2}]',
  'JSON with a comment': '[{"n":"pga","v":1}/**/]',
  'JSON with NaN': '[{"n":"pga","v":NaN}]',
  'JSON with a hexadecimal number': '[{"n":"pga","v":0x10}]',
  'JSON with a plain NUL': '[{"n":"pga","vs":"a\0b"}]',
  'JSON after a byte order mark': '\ufeff[{"n":"pga","v":1}]',
  'not UTF-8': Buffer.from('[{"n":"pga","vs":"\xff"}]', 'latin1'),
  'UTF-8 of a surrogate': Buffer.from('[{"n":"pga","vs":"\xed\xa0\x80"}]', 'latin1'),
  'overlong UTF-8': Buffer.from('[{"n":"pga","vs":"\xc0\x80"}]', 'latin1'),
  'UTF-16': Buffer.from('[{"n":"pga","v":1}]', 'utf16le'),
  'JSON with a member twice': '[{"n":"pga","v":1,"v":2}]',
  'JSON with a member twice, once escaped': '[{"n":"pga","v":1,"\\u0076":2}]',
  'JSON with a member twice in a label that is ignored': '[{"n":"pga","v":1,"x":{"a":1,"a":1}}]',
};

for (const [name, body] of Object.entries(MALFORMED)) {
  test(`signed content that is ${name} is a malformed body`, async () => {
    assertProblem(await send(platform.port, device.request({ body })), 400, 'malformed-body');
  });
}

const OK = { n: 'pga', u: 'm/s2', v: 0.42 };
const records = (count: number) => Array.from({ length: count }, (_, index) => ({ ...OK, t: -index }));

/** What the device signs, as text where JSON.stringify could not write it, and where the problem is. */
const UNACCEPTABLE: Readonly<Record<string, readonly [body: unknown, ...pointers: string[]]>> = {
  'an object': [{}, ''],
  'a string': ['"pga"', ''],
  null: ['null', ''],
  'an empty pack': [[], ''],
  'a pack of something else than records': [[1, null, [OK]], '/0', '/1', '/2'],
  '1,001 records': [records(1001), ''],
  'an empty record': [[{}], '/0/n', '/0'],
  'a record without a value': [[OK, { n: 'x' }], '/1'],
  'a record with two values': [[{ n: 'x', v: 1, vb: true }], '/0'],
  'a value of another type': [[{ n: 'x', v: '1' }], '/0/v'],
  'a data value': [[{ n: 'x', vd: 'AAAA' }], '/0/vd'],
  '1e400': ['[{"n":"x","v":1e400}]', '/0/v'],
  'a sum that is infinite': ['[{"n":"x","s":-1e999}]', '/0/s'],
  'a base value that makes it infinite': ['[{"bv":1.7e308,"n":"x","v":1.7e308}]', '/0/v'],
  'a conversion that makes it infinite': ['[{"n":"x","u":"MHz","v":1e308}]', '/0/v'],
  'a time that is infinite': ['[{"n":"x","v":1,"t":1e400}]', '/0/t'],
  'NUL in a string': [[{ n: 'x', vs: 'a\0b' }], '/0/vs'],
  'a lone high surrogate': ['[{"n":"x","vs":"\\ud800"}]', '/0/vs'],
  'a lone low surrogate': ['[{"n":"x","vs":"\\udc00\\ud800"}]', '/0/vs'],
  'a string of 4,097 characters': [[{ n: 'x', vs: 'v'.repeat(4097) }], '/0/vs'],
  'an unknown unit': [[OK, { n: 'x', u: 'furlong', v: 1 }], '/1/u'],
  'an unknown base unit': [[{ bu: 'furlong', n: 'x', v: 1 }], '/0/bu'],
  'two units of one metric': [[OK, { ...OK, u: 's', t: -1 }], '/1/u'],
  'the same metric and time twice': [[OK, OK], '/1'],
  'the same metric and time under both names': [[OK, { ...OK, n: 'DEVICE:pga' }], '/1'],
  'the metric of another device': [[{ n: 'dev-999:pga', v: 1 }], '/0/n'],
  'a name of another alphabet': [[{ n: 'pgä', v: 1 }], '/0/n'],
  'a metric of 65 characters': [[{ n: 'm'.repeat(65), v: 1 }], '/0/n'],
  'a name that begins with a dot': [[{ n: '.pga', v: 1 }], '/0/n'],
  'a label that must be understood': [[{ ...OK, 'x/y~_': 1 }], '/0/x~1y~0_'],
  'an unknown version': [[{ ...OK, bver: 99 }], '/0/bver'],
  'a reading from more than 30 s ahead': [[{ ...OK, t: 30.000001 }], '/0/t'],
  'a reading from the next year': [[{ ...OK, bt: Math.floor(Date.now() / 1000) + 365 * DAY_S }], '/0'],
  'a reading from more than 7 days ago': [[{ ...OK, t: -7 * DAY_S - 0.000001 }], '/0/t'],
  'a member named __proto__ with the value': ['[{"n":"x","__proto__":{"v":5}}]', '/0'],
  'a latitude without its longitude': [[OK, { n: 'lat', u: 'lat', v: 47.5 }], '/1'],
  'a longitude of another time than its latitude': [
    [
      { n: 'lat', u: 'lat', v: 47.5 },
      { n: 'lon', u: 'lon', v: 19, t: -1 },
    ],
    '/0',
    '/1',
  ],
  'a latitude beyond the pole': [
    [
      { n: 'lat', u: 'lat', v: 90.1 },
      { n: 'lon', u: 'lon', v: 19 },
    ],
    '/0/v',
  ],
  'more than 64 metrics': [Array.from({ length: 65 }, (_, index) => ({ n: `m${index}`, v: 1 })), ''],
};

for (const [name, [content, ...pointers]] of Object.entries(UNACCEPTABLE)) {
  test(`a pack with ${name} is refused with a pointer to it`, async () => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const body = text.replace('DEVICE', device.id);
    const before = (await platform.admitted(device)).length;
    const problem = assertProblem(await send(platform.port, device.request({ body })), 422, 'schema-invalid');
    assert.deepEqual(
      problem.errors?.map(({ pointer }) => pointer),
      pointers,
    );
    assert.equal((await platform.admitted(device)).length, before);
  });
}

test('everything that is wrong is listed, up to 16 errors', async () => {
  const wrong = Array.from({ length: 40 }, () => ({ n: 'x', u: 'furlong', v: 1 }));
  const problem = assertProblem(await send(platform.port, device.pack(wrong)), 422, 'schema-invalid');
  assert.deepEqual(
    problem.errors?.map(({ pointer }) => pointer),
    Array.from({ length: 16 }, (_, i) => `/${i}/u`),
  );
});

test('the largest packs and the borders of time are accepted', async () => {
  assertAccepted(await send(platform.port, device.pack(records(1000))), 1000);
  const borders = [
    { ...OK, t: 30 },
    { ...OK, t: -7 * DAY_S },
  ];
  assertAccepted(await send(platform.port, device.pack(borders)), 2);
  const many = await platform.addDevice();
  const metrics = Array.from({ length: 64 }, (_, index) => ({ n: `m${index}`, v: index }));
  assertAccepted(await send(platform.port, many.pack(metrics)), 64);
});

test('a device keeps to its 64 metrics over packs, and to the unit of each', async () => {
  const full = await platform.addDevice();
  for (let id = 1; id <= 64; id += 1) await platform.registry.addMetric(full, id, `m${id}`, id === 1 ? null : 'Cel');
  assertAccepted(await send(platform.port, full.pack([{ n: 'm2', u: 'Cel', v: 1 }])), 1);
  assertAccepted(await send(platform.port, full.pack([{ n: 'm1', v: 1 }])), 1);
  for (const wrong of [
    { n: 'm65', u: 'Cel', v: 1 },
    { n: 'm2', u: 'K', v: 1 },
    { n: 'm2', v: 1 },
    { n: 'm1', u: 'Cel', v: 1 },
  ]) {
    const problem = assertProblem(await send(platform.port, full.pack([wrong])), 422, 'schema-invalid');
    assert.equal(problem.errors?.length, 1);
  }
});

test('a new metric has its unit from its first pack on, before the registry knows it', async () => {
  const fresh = await platform.addDevice();
  await platform.registry.addMetric(fresh, 1, 'old', 'V');
  const packs = ['Cel', 'K', 'Cel', undefined].map((u, index) => fresh.pack([{ n: 'new', u, v: 1, t: -index }]));
  const replies = await Promise.all(packs.map((pack) => send(platform.port, pack)));
  const admitted = await platform.admitted(fresh);
  const [unit] = admitted[0]?.units ?? [];
  assert.ok(admitted.every(({ units }) => units[0] === unit));
  assert.equal(replies.filter(({ status }) => status === 202).length, admitted.length);
  assert.ok(replies.every(({ status }) => status === 202 || status === 422));
  assert.ok(admitted.length < packs.length);
  assertProblem(await send(platform.port, fresh.pack([{ n: 'new', u: 'A', v: 1, t: -9 }])), 422, 'schema-invalid');
});

test('a device gets no more than 64 metrics, however fast they come', async () => {
  const fresh = await platform.addDevice();
  await platform.registry.addMetric(fresh, 1, 'a1', null);
  const metrics = (prefix: string, count: number) =>
    fresh.pack(Array.from({ length: count }, (_, index) => ({ n: `${prefix}${index}`, v: 1 })));
  const replies = await Promise.all(['a', 'b', 'c', 'd'].map((prefix) => send(platform.port, metrics(prefix, 30))));
  assert.equal(replies.filter(({ status }) => status === 202).length, 2);
  assert.equal(replies.filter(({ status }) => status === 422).length, 2);
  const known = new Set((await platform.admitted(fresh)).flatMap((pack) => pack.metrics));
  assert.equal(new Set(['a1', ...known]).size <= 64, true);
  assertAccepted(await send(platform.port, fresh.pack([{ n: [...known][0] ?? '', v: 2, t: -3 }])), 1);
});

test('values of each kind reach the log as they were sent, in primary units', async () => {
  const kinds = await platform.addDevice();
  const pack = [
    { n: 'number', u: 'mV', v: -1500 },
    { n: 'text', vs: 'offen \u{1f30d} "\\' },
    { n: 'flag', vb: false },
    { n: 'sum', u: 'kWh', s: 2 },
    { n: 'tiny', v: 5e-324 },
  ];
  assertAccepted(await send(platform.port, kinds.pack(pack)), 5);
  const [admitted] = await platform.admitted(kinds);
  assert.deepEqual(admitted?.value, [-1.5, 'offen \u{1f30d} "\\', false, null, 5e-324]);
  assert.deepEqual(admitted.sum, [null, null, null, 7.2e6, null]);
  assert.deepEqual(admitted.units, ['V', null, null, 'J', null]);
});

test('nesting as deep as the size allows is refused and nothing worse', async () => {
  const depth = 131_000;
  const nested = device.request({ body: '['.repeat(depth) + ']'.repeat(depth) });
  assertProblem(await send(platform.port, nested), 422, 'schema-invalid');
  const open = device.request({ body: '['.repeat(2 * depth) });
  assertProblem(await send(platform.port, open), 400, 'malformed-body');
  const ignored = device.request({
    body: `[{"n":"pga","u":"m/s2","v":1,"x":${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}}]`,
  });
  assertAccepted(await send(platform.port, ignored), 1);
});

test('a request without any content is a malformed body once its signature is right', async () => {
  const request = withoutField(device.request({ body: '' }), 'Content-Length');
  assertProblem(await exchange(platform.port, encodeHead(request)), 400, 'malformed-body');
});
