import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertRefusedAndServing } from '../../support/assert-refused.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import {
  encodeChunked,
  encodeHead,
  encodeRequest,
  exchange,
  openConnection,
  send,
  withField,
} from '../../support/raw-http.ts';
import type { SignedDevice } from '../../support/signed-device.ts';

const MAX_CONTENT_BYTES = 262_144;

let platform: IngestPlatform;
let device: SignedDevice;

before(async () => {
  platform = await openIngestPlatform();
  device = await platform.addDevice();
});
after(() => platform[Symbol.asyncDispose]());

const assertRefused = (bytes: Uint8Array, status: number, code: string) =>
  assertRefusedAndServing(platform.port, device, bytes, { status, code });

test('content may have 262,144 bytes and not one more', async () => {
  const pack = '[{"n":"pga","u":"m/s2","v":0.42}]';
  assertAccepted(await send(platform.port, device.request({ body: pack.padEnd(MAX_CONTENT_BYTES) })), 1);
  const chunked = encodeChunked(device.request({ body: pack.padEnd(MAX_CONTENT_BYTES) }), 10_000);
  assertAccepted(await exchange(platform.port, chunked), 1);
  const larger = device.request({ body: pack.padEnd(MAX_CONTENT_BYTES + 1) });
  await assertRefused(encodeRequest(larger), 413, 'payload-too-large');
  await assertRefused(encodeChunked(larger, 10_000), 413, 'payload-too-large');
});

test('2 MB are refused as soon as their length is known, before the first byte of them', async () => {
  const request = withField(device.request(), 'Content-Length', '2000000');
  await assertRefused(encodeHead(request), 413, 'payload-too-large');
});

test('2 MB are refused while they are being sent, with their length and in chunks', async () => {
  const request = device.request({ body: Buffer.alloc(2_000_000, 0x20) });
  await assertRefused(encodeRequest(request), 413, 'payload-too-large');
  const chunks = encodeChunked(request, 16_384);
  await assertRefused(chunks.subarray(0, chunks.length / 2), 413, 'payload-too-large');
});

test('content that stops coming is a timeout, and the client is told', async () => {
  const bytes = encodeRequest(device.request());
  await assertRefused(bytes.subarray(0, bytes.length - 1), 408, 'request-timeout');
});

test('content that comes in drops is a timeout as well', { timeout: 20_000 }, async () => {
  using connection = await openConnection(platform.port);
  const bytes = encodeRequest(device.request({ body: Buffer.alloc(100_000, 0x20) }));
  await connection.write(bytes.subarray(0, 2000));
  const drip = setInterval(() => void connection.write(Buffer.from(' ')), 200);
  try {
    const response = await connection.read();
    assert.ok(response, 'no response');
    assertProblem(response, 408, 'request-timeout');
  } finally {
    clearInterval(drip);
  }
});
