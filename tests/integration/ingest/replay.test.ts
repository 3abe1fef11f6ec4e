import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { encodeRequest, fieldOf, openConnection, send, withField, type RawRequest } from '../../support/raw-http.ts';
import { malleableTwin, SignedDevice } from '../../support/signed-device.ts';

const WINDOW = 64;
const CLIENTS = 64;

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform({ TELLTALE_INGEST_REPLAY_WINDOW: String(WINDOW) });
});
after(() => platform[Symbol.asyncDispose]());

test('an envelope that is sent again is a replay, for as long as its nonce is in the window', async () => {
  const device = await platform.addDevice();
  const request = device.request({ nonce: 1000 });
  assertAccepted(await send(platform.port, request), 1);
  assertProblem(await send(platform.port, request), 409, 'replay-detected');
  assertAccepted(await send(platform.port, device.request({ nonce: 1000 + WINDOW - 1 })), 1);
  assertProblem(await send(platform.port, request), 409, 'replay-detected');
  assertAccepted(await send(platform.port, device.request({ nonce: 1000 + WINDOW })), 1);
  assertProblem(await send(platform.port, request), 409, 'nonce-too-old');
  assert.deepEqual(
    (await platform.admitted(device)).map(({ nonce }) => nonce),
    [1000, 1000 + WINDOW - 1, 1000 + WINDOW],
  );
});

test('envelopes may overtake each other within the window', async () => {
  const device = await platform.addDevice();
  const nonces = Array.from({ length: WINDOW }, (_, index) => 5000 + ((index * 37) % WINDOW));
  for (const nonce of nonces) assertAccepted(await send(platform.port, device.request({ nonce })), 1);
  for (const nonce of nonces) {
    assertProblem(await send(platform.port, device.request({ nonce })), 409, 'replay-detected');
  }
  assert.equal((await platform.admitted(device)).length, WINDOW);
});

test('other content under a nonce that was used is a replay', async () => {
  const device = await platform.addDevice();
  const nonce = device.nextNonce();
  assertAccepted(await send(platform.port, device.request({ nonce })), 1);
  const other = device.request({ nonce, body: '[{"n":"pga","u":"m/s2","v":9}]' });
  assertProblem(await send(platform.port, other), 409, 'replay-detected');
});

test('nonces count for a key, not for a device or for all', async () => {
  const [device, other] = [await platform.addDevice(['1', '2']), await platform.addDevice()];
  const nonce = 77;
  assertAccepted(await send(platform.port, device.request({ nonce }, device.key('1'))), 1);
  assertAccepted(await send(platform.port, device.request({ nonce }, device.key('2'))), 1);
  assertAccepted(await send(platform.port, other.request({ nonce })), 1);
  assertProblem(await send(platform.port, device.request({ nonce }, device.key('2'))), 409, 'replay-detected');
});

test('the smallest and the largest nonce are nonces like others', async () => {
  const device = await platform.addDevice();
  for (const nonce of [0, 2 ** 53 - 2, 2 ** 53 - 1]) {
    assertAccepted(await send(platform.port, device.request({ nonce })), 1);
    assertProblem(await send(platform.port, device.request({ nonce })), 409, 'replay-detected');
  }
  assertProblem(await send(platform.port, device.request({ nonce: 1 })), 409, 'nonce-too-old');
});

test('an envelope that was refused has not used its nonce', async () => {
  const device = await platform.addDevice();
  const nonce = device.nextNonce();
  assertProblem(await send(platform.port, device.request({ nonce, body: '{}' })), 422, 'schema-invalid');
  const forged = withField(device.request({ nonce }), 'Signature', fieldOf(device.request(), 'Signature'));
  assertProblem(await send(platform.port, forged), 401, 'signature-invalid');
  assertAccepted(await send(platform.port, device.request({ nonce })), 1);
});

test('a nonce of the future that was forged does not move the window', async () => {
  const device = await platform.addDevice();
  const forged = withField(device.request({ nonce: 2 ** 53 - 1 }), 'Signature', fieldOf(device.request(), 'Signature'));
  assertProblem(await send(platform.port, forged), 401, 'signature-invalid');
  assertAccepted(await send(platform.port, device.request()), 1);
});

/** Statuses, in order, of requests that leave at the same time on connections that are open already. */
async function race(requests: readonly RawRequest[]): Promise<number[]> {
  const connections = await Promise.all(requests.map(() => openConnection(platform.port)));
  try {
    const writes = connections.map((connection, index) => connection.write(encodeRequest(requests[index]!)));
    await Promise.all(writes);
    const responses = await Promise.all(connections.map((connection) => connection.read()));
    return responses.map((response) => {
      if (response?.status === 409) assertProblem(response, 409, 'replay-detected');
      return response?.status ?? 0;
    });
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}

test('of 64 clients that race with one envelope exactly one is told that it was accepted', async () => {
  const device = await platform.addDevice();
  const request = device.request();
  const statuses = await race(Array.from({ length: CLIENTS }, () => request));
  assert.equal(statuses.filter((status) => status === 202).length, 1);
  assert.equal(statuses.filter((status) => status === 409).length, CLIENTS - 1);
  assert.equal((await platform.admitted(device)).length, 1);
});

test('of an envelope and its malleable twin that race only one is accepted', async () => {
  const device = await platform.addDevice();
  const request = device.request();
  const twin = withField(request, 'Signature', malleableTwin(fieldOf(request, 'Signature')));
  const statuses = await race(Array.from({ length: CLIENTS }, (_, index) => (index % 2 === 0 ? request : twin)));
  assert.equal(statuses.filter((status) => status === 202).length, 1);
  assert.equal(statuses.filter((status) => status === 409).length, CLIENTS - 1);
});

test('64 clients with envelopes of their own are all accepted, each once', async () => {
  const devices = Array.from({ length: CLIENTS }, (_, index) => new SignedDevice(`racer-${index}`));
  await platform.registry.register(...devices);
  assert.deepEqual(
    await race(devices.map((device) => device.request())),
    Array.from(devices, () => 202),
  );
  for (const device of devices) assert.equal((await platform.admitted(device)).length, 1);
});

test('a new log refuses what was signed before it and the clock skew after it, so that nothing old is replayed', async () => {
  const device = await platform.addDevice();
  const nowS = Math.floor(Date.now() / 1000);
  await platform.registry.replaceEpoch(device, { createdMs: Date.now(), refuseAtOrBeforeMs: nowS * 1000 });
  for (const createdS of [nowS - 200, nowS - 1, nowS]) {
    assertProblem(await send(platform.port, device.request({ createdS })), 409, 'nonce-too-old');
  }
  assert.deepEqual(await platform.admitted(device), []);
  assertAccepted(await send(platform.port, device.request({ createdS: nowS + 1 })), 1);
});
