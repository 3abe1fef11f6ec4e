import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { mutated } from '../../fuzz/arbitraries/mutated.ts';
import { assertNoStack } from '../../support/assert-nothing-unusual.ts';
import { eventually } from '../../support/eventually.ts';
import { openFrontDoors, type FrontDoors } from '../../support/front-doors.ts';
import { encodeRequest, exchange, withExtraField } from '../../support/raw-http.ts';
import { readSample } from '../../support/running-ingest.ts';
import { CONTENT, ENVELOPE_KINDS, partsOf } from '../../support/sealed-envelopes.ts';
import type { SignedDevice } from '../../support/signed-device.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const SEED = 1;
const REQUESTS = 1000;
const MESSAGES = 600;
const CONNECTIONS = 16;
const [httpSignature, jws, cose] = ENVELOPE_KINDS;
/** A request that is cut short is answered when its time is up, and not awaited here. */
const REPLY_WAIT_MS = 150;
const MAX_GROWTH_MB = 96;

let doors: FrontDoors;
before(async () => {
  doors = await openFrontDoors({
    TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000',
    TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: '100000',
  });
});
after(() => doors[Symbol.asyncDispose]());

const rssMb = async () => (await readSample(doors.ingest.adminUrl, 'process_resident_memory_bytes')) / 2 ** 20;

/** Takes both ways, has kept its memory, has nothing in flight and has written nothing of a fault. */
async function assertSound(device: SignedDevice, rssBeforeMb: number): Promise<void> {
  const { running, adminUrl } = doors.ingest;
  assert.equal(running.hasExited, false, running.explain('has ended').message);
  assert.equal((await doors.sendByHttp(device.apiKey.text, httpSignature!.seal(partsOf(device)))).status, 202);
  assert.equal((await doors.sendByMqtt(device.id, cose!.seal(partsOf(device)))).status, 202);
  await eventually(async () => assert.equal(await readSample(adminUrl, 'ingest_in_flight_requests'), 0), 15_000);
  assertNoStack('ingest', running.lastLines(200));
  const growthMb = (await rssMb()) - rssBeforeMb;
  assert.ok(growthMb < MAX_GROWTH_MB, `${growthMb} MB more than before`);
}

/** Whatever came through says what was signed. */
async function assertOnlySigned(): Promise<void> {
  const [{ n, u, v }] = JSON.parse(CONTENT.toString()) as [{ n: string; u: string; v: number }];
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    for (const [, fields] of await doors.stores.redis.xrange(redisKeys.readings(shard), '-', '+')) {
      const { metrics, units, value } = JSON.parse(fields[1] ?? '') as Record<string, unknown[]>;
      assert.deepEqual({ metrics, units, value }, { metrics: [n], units: [u], value: [v] });
    }
  }
}

interface Attempt {
  readonly bytes: Uint8Array;
  /** Where the bytes are cut into writes. */
  readonly cuts: readonly number[];
  /** Sends FIN behind the bytes and waits for the other side to close. */
  readonly halfClosed: boolean;
}

/** Resolves when the server has answered, has closed, or keeps waiting for more. */
async function attempt({ bytes, cuts, halfClosed }: Attempt): Promise<void> {
  const socket = connect({ port: doors.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('end', () => resolve());
    socket.once('close', () => resolve());
    socket.setTimeout(REPLY_WAIT_MS, () => resolve());
  });
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (to > from) socket.write(bytes.subarray(from, to));
    from = Math.max(from, to);
    if (cuts.length > 0) await nextTurn();
  }
  if (halfClosed) socket.end();
  await over;
  socket.destroy();
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

const PIECES = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\n',
    '\0',
    ' ',
    ':',
    ',',
    '"',
    ';',
    'HTTP/1.0',
    '?',
    '/v1/keys',
    'GET ',
    '\u00ff',
    '0\r\n\r\n',
  ],
  ...[
    'Content-Length: 0\r\n',
    'Content-Length: 99999999\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Content-Type: application/jose\r\n',
    'Content-Encoding: gzip\r\n',
    'Connection: close\r\n',
    'Upgrade: websocket\r\n',
  ],
  ...[`X-Pad: ${'p'.repeat(10_000)}\r\n`, 'X: y\r\n'.repeat(120), 'ffffffffffffffff\r\n'],
].map((text) => Buffer.from(text, 'latin1'));

test('requests damaged in every way leave the process as it was, and nothing in the log that was not signed', async () => {
  const device = await doors.addDevice();
  const requests = Array.from({ length: 60 }, () => encodeRequest(device.request()));
  await inParallel(requests.slice(0, 40), async (bytes) => {
    await exchange(doors.port, bytes);
  });
  const before = await rssMb();
  const attempts = fc.record({
    bytes: mutated([...requests, Buffer.concat(requests.slice(0, 3))], PIECES),
    cuts: fc.oneof(fc.constant([]), fc.array(fc.nat(2000), { maxLength: 8 })),
    halfClosed: fc.boolean(),
  });
  await inParallel(fc.sample(attempts, { seed: SEED, numRuns: REQUESTS }), attempt);
  await assertSound(device, before);
  await assertOnlySigned();
});

for (const [how, cutEvery] of [
  ['one read', Infinity],
  ['many reads', 100],
] as const) {
  test(`10,000 bytes of header fields in ${how} are refused or cut off, again and again`, async () => {
    const device = await doors.addDevice();
    const before = await rssMb();
    const request = encodeRequest(withExtraField(device.request(), 'X-Pad', 'p'.repeat(10_000)));
    const cuts = Array.from({ length: Math.floor(request.length / cutEvery) }, (_, index) => (index + 1) * cutEvery);
    const attempts = Array.from({ length: 200 }, () => ({ bytes: request, cuts, halfClosed: false }));
    await inParallel(attempts, attempt);
    await assertSound(device, before);
  });
}

test('every message that is damaged in any way has a receipt, and the process stays as it was', async () => {
  const device = await doors.addDevice();
  const envelopes = Array.from({ length: 40 }, (_, index) => {
    const sealed = [jws!, cose!][index % 2]!.seal(partsOf(device));
    assert.ok(sealed.kind === 'payload');
    return sealed.payload;
  });
  const before = await rssMb();
  const payloads = fc.sample(fc.oneof(mutated(envelopes), fc.uint8Array({ maxLength: 60 })), {
    seed: SEED,
    numRuns: MESSAGES,
  });
  await Promise.all(payloads.map((payload) => doors.publish(device.id, payload)));
  await eventually(() => assert.equal(doors.receiptsOf(device.id).length, MESSAGES), 30_000);
  const codes = new Set(doors.receiptsOf(device.id).map(({ code = 'accepted' }) => code));
  assert.ok(['accepted', 'malformed-body', 'signature-invalid', 'replay-detected'].every((code) => codes.has(code)));
  await assertSound(device, before);
  await assertOnlySigned();
});

test('topics that name nobody, or name somebody oddly, have no receipt and harm nothing', async () => {
  const device = await doors.addDevice();
  const sealed = jws!.seal(partsOf(device));
  assert.ok(sealed.kind === 'payload');
  const { payload } = sealed;
  const before = await rssMb();
  for (const name of ['', ' ', '\u00e9', '..', '$SYS', 'a'.repeat(1000), '"', "'; --", '%2f', '\u{1f30b}']) {
    await doors.publish(name, payload);
    assert.deepEqual(doors.receiptsOf(name), []);
  }
  await assertSound(device, before);
});

test('after all of it the process ends in order', async () => {
  const { code } = await doors.ingest.running.stop(8000);
  assert.equal(code, 0);
  assertNoStack('ingest', doors.ingest.running.lastLines(200));
});
