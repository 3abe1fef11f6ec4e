import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceClock } from '../../../firmware-sim/device/device-clock.ts';
import { Outbox } from '../../../firmware-sim/device/outbox.ts';
import { HttpSignatureSigner } from '../../../firmware-sim/envelope/http-signature-signer.ts';
import { NonceCounter } from '../../../firmware-sim/fleet/nonce-counter.ts';
import { Tally } from '../../../firmware-sim/report/tally.ts';
import { HttpTransport } from '../../../firmware-sim/transport/http-transport.ts';
import { REPLY_TIMEOUT_MS } from '../../../firmware-sim/transport/transport.ts';
import { device, packAt } from './device-fixture.ts';
import { openIngestDouble, type Answer, type ReceivedEnvelope } from './ingest-double.ts';

const START_US = 1_734_567_890_123_456;
const READINGS = 6;
const OK: Answer = { status: 202 };
const problem = (status: number, code: string, extras = {}): Answer => ({ status, body: { code, ...extras } });

interface Run {
  readonly tally: Tally;
  readonly received: readonly ReceivedEnvelope[];
  readonly unacknowledged: number;
  readonly clock: DeviceClock;
}

/** Posts packs to a server that gives these answers in turn, and then only 202. */
async function deliver(answers: readonly Answer[], packs = 1, capacityPacks = 100): Promise<Run> {
  await using server = await openIngestDouble([device], (_, count) => answers[count - 1] ?? OK);
  using transport = new HttpTransport(server.url, { localAddress: '127.1.2.3' });
  const tally = new Tally(undefined);
  const clock = new DeviceClock();
  const parts = { signer: new HttpSignatureSigner(device), transport, clock, observer: tally, random: () => 0 };
  const nonces = new NonceCounter(clock.nowS(), -1, () => undefined);
  const outbox = new Outbox({ ...parts, nonces, capacityPacks }, new AbortController().signal);
  for (let pack = 0; pack < packs; pack += 1) outbox.post(packAt(START_US + pack * 1_000_000));
  await outbox.idle();
  return { tally, received: server.received, unacknowledged: outbox.unacknowledgedReadings, clock };
}

const signaturesOf = (received: readonly ReceivedEnvelope[]) =>
  new Set(received.map(({ signature }) => signature)).size;

test('a pack is proved by its signature over the bytes that arrive, from an address of its device', async () => {
  const { tally, received } = await deliver([]);
  assert.equal(tally.acceptedReadings, READINGS);
  assert.equal(received[0]?.address, '127.1.2.3');
});

test('the packs of a device arrive one after the other, in order, with rising nonces', async () => {
  const { received, tally } = await deliver([], 5);
  const nonces = received.map(({ nonce }) => nonce);
  assert.equal(tally.packsAccepted, 5);
  assert.deepEqual(
    nonces,
    nonces.map((_, index) => (nonces[0] ?? 0) + index),
  );
});

test('a block is waited out, and the same envelope is sent again', async () => {
  const blocked = { ...problem(403, 'blocked'), headers: { 'Retry-After': '0' } };
  const { tally, received } = await deliver([blocked]);
  assert.deepEqual([received.length, signaturesOf(received), tally.acceptedReadings], [2, 1, READINGS]);
});

test('a refused moment is waited for, and the same envelope is sent again', async () => {
  const busy = { ...problem(503, 'temporary-reduced-capacity'), headers: { 'Retry-After': '0' } };
  const { tally, received } = await deliver([busy, problem(429, 'quota-exceeded')]);
  assert.equal(received.length, 3);
  assert.equal(signaturesOf(received), 1);
  assert.equal(tally.packsAccepted, 1);
  assert.deepEqual(Object.fromEntries(tally.sentAgainByReason), {
    'temporary-reduced-capacity': 1,
    'quota-exceeded': 1,
  });
});

test('a lost 202 is found out by sending the same envelope again, and counts as delivered', async () => {
  const { tally, received } = await deliver([{ status: 0, hangUp: true }, problem(409, 'replay-detected')]);
  assert.equal(signaturesOf(received), 1);
  assert.equal(tally.packsAlreadyDelivered, 1);
  assert.equal(tally.acceptedReadings, READINGS);
  assert.equal(tally.rejectedReadings, 0);
});

test('a fresh nonce that was used before is a rejection, because this pack was not stored', async () => {
  const { tally } = await deliver([problem(409, 'replay-detected')]);
  assert.equal(tally.acceptedReadings, 0);
  assert.deepEqual(Object.fromEntries(tally.rejectedByCode), { 'replay-detected': READINGS });
});

test('a nonce that is too old is replaced, and the pack is signed again', async () => {
  const old = problem(409, 'nonce-too-old');
  const { tally, received } = await deliver([old, old]);
  assert.equal(signaturesOf(received), 3);
  const nonces = received.map(({ nonce }) => nonce);
  assert.ok((nonces[0] ?? 0) < (nonces[1] ?? 0) && (nonces[1] ?? 0) < (nonces[2] ?? 0));
  assert.equal(new Set(received.map(({ content }) => content)).size, 1);
  assert.equal(tally.packsAccepted, 1);
});

test('a device with a wrong clock takes the time from the server and signs again', async () => {
  const serverTime = Math.floor(Date.now() / 1000) + 600;
  const { tally, received, clock } = await deliver([problem(403, 'timestamp-skew', { server_time: serverTime })]);
  assert.equal(tally.packsAccepted, 1);
  assert.ok(Math.abs((received[1]?.createdS ?? 0) - serverTime) <= 1);
  assert.ok(Math.abs(clock.offsetUs / 1e6 - 600) < 2);
});

test('a server that refuses the time twice rejects the pack', async () => {
  const skew = problem(403, 'timestamp-skew', { server_time: Date.now() / 1000 });
  const { tally } = await deliver([skew, skew]);
  assert.deepEqual(Object.fromEntries(tally.rejectedByCode), { 'timestamp-skew': READINGS });
});

test('another refusal drops the pack and counts its readings by the code', async () => {
  const { tally, received } = await deliver([problem(422, 'schema-invalid')], 2);
  assert.equal(received.length, 2);
  assert.deepEqual(Object.fromEntries(tally.rejectedByCode), { 'schema-invalid': READINGS });
  assert.equal(tally.acceptedReadings, READINGS);
});

test('a 202 for another number of readings is not an acknowledgement', async () => {
  const { tally } = await deliver([{ status: 202, body: { accepted: 1 } }]);
  assert.deepEqual(Object.fromEntries(tally.rejectedByCode), { 'unexpected-reply': READINGS });
});

test('a full outbox counts what it cannot take', async () => {
  const { tally, unacknowledged } = await deliver([], 5, 3);
  assert.equal(tally.packsAccepted, 3);
  assert.equal(tally.overflowedReadings, 2 * READINGS);
  assert.equal(unacknowledged, 0);
});

test('an envelope that grew too old to be sent is signed again with another nonce', async () => {
  let skipMs = 0;
  const answers: Answer[] = [{ status: 0, hangUp: true }];
  await using server = await openIngestDouble([device], (_, count) => {
    skipMs = 250_000;
    return answers[count - 1] ?? OK;
  });
  using transport = new HttpTransport(server.url, {});
  const tally = new Tally(undefined);
  const clock = new DeviceClock(() => Date.now() + skipMs);
  const signer = new HttpSignatureSigner(device);
  const nonces = new NonceCounter(clock.nowS(), -1, () => undefined);
  const parts = { signer, transport, clock, nonces, observer: tally, random: () => 0 };
  const outbox = new Outbox(parts, new AbortController().signal);
  outbox.post(packAt(START_US));
  await outbox.idle();
  assert.equal(signaturesOf(server.received), 2);
  assert.equal(tally.packsAccepted, 1);
});

test('a reply that takes longer than a device waits for counts as none', async () => {
  await using server = await openIngestDouble([device], (_, count) => (count === 1 ? { ...OK, silent: true } : OK));
  using transport = new HttpTransport(server.url, { replyTimeoutMs: 100 });
  const tally = new Tally(undefined);
  const clock = new DeviceClock();
  const nonces = new NonceCounter(clock.nowS(), -1, () => undefined);
  const parts = { signer: new HttpSignatureSigner(device), transport, clock, nonces, observer: tally, random: () => 0 };
  const outbox = new Outbox(parts, new AbortController().signal);
  const startedMs = performance.now();
  outbox.post(packAt(START_US));
  await outbox.idle();
  assert.ok(performance.now() - startedMs < REPLY_TIMEOUT_MS);
  assert.equal(tally.packsAccepted, 1);
  // A machine that pauses may miss the second one too.
  assert.deepEqual([...tally.sentAgainByReason.keys()], ['timeout']);
});

test('what has no outcome when sending is abandoned stays unacknowledged', async () => {
  const abandon = new AbortController();
  await using server = await openIngestDouble([device], () => {
    abandon.abort();
    return { status: 0, hangUp: true };
  });
  using transport = new HttpTransport(server.url, {});
  const clock = new DeviceClock();
  const nonces = new NonceCounter(clock.nowS(), -1, () => undefined);
  const signer = new HttpSignatureSigner(device);
  const outbox = new Outbox(
    { signer, transport, clock, nonces, observer: new Tally(undefined), random: () => 0 },
    abandon.signal,
  );
  outbox.post(packAt(START_US));
  outbox.post(packAt(START_US + 1_000_000));
  await outbox.idle();
  assert.equal(outbox.unacknowledgedReadings, 2 * READINGS);
});
