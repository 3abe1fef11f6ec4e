import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { encodeChunked, encodeHead, encodeRequest, openConnection, send } from '../../support/raw-http.ts';
import { readSample } from '../../support/running-ingest.ts';

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform();
});
after(() => platform[Symbol.asyncDispose]());

/** The server lives in this process: after two turns it has read what is on its way. */
async function untilRead(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

const accepted = () => readSample(platform.ingest.adminUrl, 'ingest_requests_total{transport="http",code="accepted"}');
const inFlight = () => readSample(platform.ingest.adminUrl, 'ingest_in_flight_requests');

async function handled(): Promise<number> {
  const text = await (await fetch(`${platform.ingest.adminUrl}/metrics`)).text();
  return [...text.matchAll(/^ingest_requests_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function assertNothingInFlight(): Promise<void> {
  await eventually(async () => assert.equal(await inFlight(), 0));
}

test('one connection carries accepted and refused messages one after the other', async () => {
  const device = await platform.addDevice();
  using connection = await openConnection(platform.port);
  for (let round = 0; round < 50; round += 1) {
    const request = device.request();
    await connection.write(encodeRequest(request));
    assertAccepted((await connection.read())!, 1);
    await connection.write(encodeRequest(request));
    assertProblem((await connection.read())!, 409, 'replay-detected');
    await connection.write(encodeRequest(device.request({ body: '{}' })));
    assertProblem((await connection.read())!, 422, 'schema-invalid');
    await connection.write(encodeRequest(device.request({ apiKey: 'tt_unknown' })));
    assertProblem((await connection.read())!, 401, 'unauthorized');
    await connection.write(encodeChunked(device.request(), 7));
    assertAccepted((await connection.read())!, 1);
  }
  assert.equal((await platform.admitted(device)).length, 100);
});

const REQUEST_LINE_BYTES = 'POST /v1/telemetry HTTP/1.1\r\n'.length;

test('a request may be split at every byte after its first line', async () => {
  const device = await platform.addDevice();
  using connection = await openConnection(platform.port);
  const headBytes = encodeHead(device.request()).length;
  for (let at = REQUEST_LINE_BYTES; at <= headBytes; at += 1) {
    const bytes = encodeRequest(device.request());
    await connection.write(bytes.subarray(0, at));
    await untilRead();
    await connection.write(bytes.subarray(at));
    const response = await connection.read();
    assert.ok(response, `no response when split at byte ${at}`);
    assertAccepted(response, 1);
  }
});

test('a request that is split in its first line is served or refused, never misread', async () => {
  const device = await platform.addDevice();
  for (let at = 1; at < REQUEST_LINE_BYTES; at += 1) {
    const request = device.request();
    const bytes = encodeRequest(request);
    using connection = await openConnection(platform.port);
    await connection.write(bytes.subarray(0, at));
    await untilRead();
    await connection.write(bytes.subarray(at));
    const response = await connection.read();
    assert.ok(response, `no response when split at byte ${at}`);
    // uWebSockets answers 505 to a first line in pieces: https://github.com/uNetworking/uWebSockets/issues/1776
    if (response.status === 505) assertAccepted(await send(platform.port, request), 1);
    else assertAccepted(response, 1);
  }
});

test('a request may come byte by byte after its first line, with its length and in chunks', async () => {
  const device = await platform.addDevice();
  using connection = await openConnection(platform.port);
  for (const bytes of [encodeRequest(device.request()), encodeChunked(device.request(), 5)]) {
    await connection.write(bytes.subarray(0, REQUEST_LINE_BYTES));
    for (const byte of bytes.subarray(REQUEST_LINE_BYTES)) {
      await connection.write(Buffer.of(byte));
      await nextTurn();
    }
    assertAccepted((await connection.read())!, 1);
  }
});

test('pipelined requests are never answered wrongly: the connection ends, and sending again tells what was stored', async () => {
  const device = await platform.addDevice();
  const requests = [device.request(), device.request(), device.request()];
  using connection = await openConnection(platform.port);
  await connection.write(Buffer.concat(requests.map(encodeRequest)));
  assert.equal(await connection.read(), undefined);
  await assertNothingInFlight();
  const stored = new Set((await platform.admitted(device)).map(({ nonce }) => nonce));
  for (const request of requests) {
    const response = await send(platform.port, request);
    if (response.status === 409) assertProblem(response, 409, 'replay-detected');
    else assertAccepted(response, 1);
  }
  const admitted = (await platform.admitted(device)).map(({ nonce }) => nonce);
  assert.equal(admitted.length, requests.length);
  assert.ok([...stored].every((nonce) => admitted.includes(nonce)));
});

test('a client that vanishes in the middle of its head or its body is not counted and leaves nothing', async () => {
  const device = await platform.addDevice();
  const bytes = encodeRequest(device.request());
  const chunked = encodeChunked(device.request({ body: Buffer.alloc(100_000, 0x20) }));
  const handledBefore = await handled();
  for (const part of [
    bytes.subarray(0, 20),
    bytes.subarray(0, -20),
    bytes.subarray(0, -1),
    chunked.subarray(0, 50_000),
  ]) {
    for (const leave of ['abort', Symbol.dispose] as const) {
      const connection = await openConnection(platform.port);
      await connection.write(part);
      await untilRead();
      connection[leave]();
    }
  }
  await assertNothingInFlight();
  assert.equal(await handled(), handledBefore);
  assert.deepEqual(await platform.admitted(device), []);
});

test('a client that vanishes after it has sent is stored and counted once', async () => {
  const device = await platform.addDevice();
  const acceptedBefore = await accepted();
  const requests = Array.from({ length: 40 }, () => device.request());
  for (const [index, request] of requests.entries()) {
    const connection = await openConnection(platform.port);
    await connection.write(encodeRequest(request));
    await untilRead();
    if (index % 2 === 0) connection.abort();
    else connection[Symbol.dispose]();
  }
  await eventually(async () => assert.equal(await accepted(), acceptedBefore + requests.length));
  await assertNothingInFlight();
  assert.equal((await platform.admitted(device)).length, requests.length);
  for (const request of requests) assertProblem(await send(platform.port, request), 409, 'replay-detected');
});

test('a client that vanishes while it is refused is counted as refused', async () => {
  const device = await platform.addDevice();
  const sample = 'ingest_requests_total{transport="http",code="payload-too-large"}';
  const before = await readSample(platform.ingest.adminUrl, sample);
  const request = device.request({ body: Buffer.alloc(300_000, 0x20) });
  const connection = await openConnection(platform.port);
  await connection.write(encodeHead(request));
  connection[Symbol.dispose]();
  await eventually(async () => assert.equal(await readSample(platform.ingest.adminUrl, sample), before + 1));
  await assertNothingInFlight();
});

test('a thousand connections that say nothing do not keep one from being served', async () => {
  const device = await platform.addDevice();
  const silent = await Promise.all(Array.from({ length: 1000 }, () => openConnection(platform.port)));
  try {
    assertAccepted(await send(platform.port, device.request()), 1);
  } finally {
    for (const connection of silent) connection[Symbol.dispose]();
  }
});

test('nothing of this leaves a warning in the log', () => {
  const warnings = platform.ingest.log.filter((line) => !/"level":(20|30)\b/.test(line));
  assert.deepEqual(warnings, []);
});
