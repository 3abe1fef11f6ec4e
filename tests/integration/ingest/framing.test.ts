import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertRefusedAndServing } from '../../support/assert-refused.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted } from '../../support/problem-assertions.ts';
import {
  encodeRequest,
  fieldOf,
  openConnection,
  send,
  withExtraField,
  withField,
  withoutField,
  type RawRequest,
} from '../../support/raw-http.ts';
import type { SignedDevice } from '../../support/signed-device.ts';

const MAX_FIELD_BYTES = 4096;

let platform: IngestPlatform;
let device: SignedDevice;

before(async () => {
  platform = await openIngestPlatform();
  device = await platform.addDevice();
});
after(() => platform[Symbol.asyncDispose]());

const assertRefused = (bytes: Uint8Array, status: number, code: string) =>
  assertRefusedAndServing(platform.port, device, bytes, { status, code });

for (const name of ['X-API-Key', 'Content-Type', 'Content-Length', 'Content-Digest', 'Signature', 'Signature-Input']) {
  test(`a second ${name} is a malformed request, whatever it says and however it is written`, async () => {
    const request = device.request();
    const value = fieldOf(request, name);
    for (const again of [withExtraField(request, name, value), withExtraField(request, name.toLowerCase(), '1')]) {
      await assertRefused(encodeRequest(again), 400, 'malformed-request');
    }
    const before = { ...request, fields: [[name.toUpperCase(), value] as const, ...request.fields] };
    await assertRefused(encodeRequest(before), 400, 'malformed-request');
  });
}

for (const [first, second] of [
  ['0', 'whole'],
  ['10', 'whole'],
  ['whole', '0'],
] as const) {
  test(`a request hidden behind the Content-Lengths ${first} and ${second} is never served`, async () => {
    const hidden = encodeRequest(device.request());
    const request = device.request({ body: hidden });
    const lengthOf = (text: string) => (text === 'whole' ? String(hidden.length) : text);
    const count = (await platform.admitted(device)).length;
    using connection = await openConnection(platform.port);
    await connection.write(
      encodeRequest(
        withExtraField(withField(request, 'Content-Length', lengthOf(first)), 'Content-Length', lengthOf(second)),
      ),
    );
    const response = await connection.read();
    assert.ok(response === undefined || [400, 505].includes(response.status), JSON.stringify(response));
    assert.equal(await connection.read(), undefined, 'a second response');
    assert.equal((await platform.admitted(device)).length, count);
  });
}

test('a request that follows a refused one in the same segment is not served', async () => {
  const count = (await platform.admitted(device)).length;
  using connection = await openConnection(platform.port);
  const refused = encodeRequest({ ...device.request(), target: '/v1/telemetry?' });
  await connection.write(Buffer.concat([refused, encodeRequest(device.request())]));
  const responses = [await connection.read(), await connection.read()];
  assert.ok(responses.every((response) => response === undefined || response.status === 400));
  assert.equal((await platform.admitted(device)).length, count);
});

for (const query of ['?', '?a=b', '?%', '??', '?/v1/telemetry']) {
  test(`the query string ${query} is a malformed request`, async () => {
    const request = { ...device.request(), target: `/v1/telemetry${query}` };
    await assertRefused(encodeRequest(request), 400, 'malformed-request');
  });
}

for (const target of [
  '/',
  '/v1/telemetry/',
  '/v1/Telemetry',
  '/v1//telemetry',
  '/v1/%74elemetry',
  '/v1/telemetry;a',
  '/v1/telemetry#a',
]) {
  test(`${target} is not found`, async () => {
    await assertRefused(encodeRequest({ ...device.request(), target }), 404, 'not-found');
  });
}

for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'post', 'TELL']) {
  test(`${method} is not allowed, and Allow says what is`, async () => {
    const response = await assertRefused(encodeRequest({ ...device.request(), method }), 405, 'method-not-allowed');
    assert.equal(response.headers.get('allow'), 'POST');
  });
}

function padded(bytes: number): RawRequest {
  const request = device.request();
  const used = request.fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return withExtraField(request, 'X-Pad', 'p'.repeat(bytes - used - 'X-Pad'.length - 4));
}

test('header fields may have 4,096 bytes and not one more', async () => {
  assertAccepted(await send(platform.port, padded(MAX_FIELD_BYTES)), 1);
  await assertRefused(encodeRequest(padded(MAX_FIELD_BYTES + 1)), 431, 'headers-too-large');
});

test('header fields that fill many segments are too large, by whoever notices first', async () => {
  using connection = await openConnection(platform.port);
  void connection.write(Buffer.from('POST /v1/telemetry HTTP/1.1\r\nHost: a\r\n'));
  for (let line = 0; line < 64 && !connection.ended; line += 1) {
    await connection.write(Buffer.from(`X-Pad-${line}: ${'p'.repeat(1000)}\r\n`));
  }
  assert.equal((await connection.read())?.status, 431);
});

for (const length of ['-1', '1e3', '0x10', '99999999999999999999', '+5', '5,5']) {
  test(`the Content-Length "${length}" does not crash and is not accepted`, async () => {
    using connection = await openConnection(platform.port);
    await connection.write(encodeRequest(withField(device.request(), 'Content-Length', length)));
    const response = await connection.read();
    assert.ok(response === undefined || [400, 413].includes(response.status), JSON.stringify(response));
    assertAccepted(await send(platform.port, device.request()), 1);
  });
}

for (const contentType of [
  '',
  'application/json',
  'application/cbor',
  'application/cose',
  'application/senml+json; charset=utf-8',
  'application/senml+json, application/senml+json',
  'text/plain',
]) {
  test(`the content type "${contentType}" is not supported`, async () => {
    await assertRefused(encodeRequest(device.request({ contentType })), 415, 'unsupported-media-type');
  });
}

test('an empty Content-Length does not crash the service, and what follows is not taken for a pack', async () => {
  const request = device.request();
  const count = (await platform.admitted(device)).length;
  using connection = await openConnection(platform.port);
  await connection.write(encodeRequest(withField(request, 'Content-Length', '')));
  assert.notEqual((await connection.read())?.status, 202);
  assert.equal((await platform.admitted(device)).length, count);
  assertAccepted(await send(platform.port, request), 1);
});

test('a request without a content type is not supported, and one in capitals is', async () => {
  await assertRefused(encodeRequest(withoutField(device.request(), 'Content-Type')), 415, 'unsupported-media-type');
  assertAccepted(await send(platform.port, device.request({ contentType: 'Application/SenML+JSON' })), 1);
});

test('no refusal leaves a stack trace in the log or a request in flight', async () => {
  assert.deepEqual(
    platform.ingest.log.filter((line) => line.includes('stack')),
    [],
  );
  const metrics = await (await fetch(`${platform.ingest.adminUrl}/metrics`)).text();
  assert.match(metrics, /ingest_in_flight_requests(\{[^}]*\})? 0\n/);
});
