import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseSecurityEvent, type SecurityEvent } from '../../../contracts/security-event.ts';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send, withField, type RawRequest, type RawResponse } from '../../support/raw-http.ts';
import { readSample, startIngestHere } from '../../support/running-ingest.ts';
import type { ServiceSettings } from '../../support/process.ts';
import type { SignedDevice } from '../../support/signed-device.ts';

const LIMIT = 8;
/** Long enough for a slow machine, short enough to wait for. */
const FIRST_BLOCK_S = 2;
const SETTINGS: ServiceSettings = {
  TELLTALE_INGEST_BLOCK_AFTER: String(LIMIT),
  TELLTALE_INGEST_BLOCK_FIRST_S: String(FIRST_BLOCK_S),
  TELLTALE_INGEST_TRUSTED_PROXIES: '127.0.0.0/8',
};

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform(SETTINGS);
});
after(async () => {
  await platform[Symbol.asyncDispose]();
});

let addresses = 0;
/** Nobody was there before. */
function newAddress(): string {
  addresses += 1;
  return `198.51.100.${addresses}`;
}

const from = (address: string, request: RawRequest): RawRequest => withField(request, 'X-Forwarded-For', address);
const sendFrom = (address: string, request: RawRequest, port = platform.port): Promise<RawResponse> =>
  send(port, from(address, request));
const codeOf = ({ body }: RawResponse): unknown => (JSON.parse(body) as { code?: unknown }).code;
const strangerOf = (device: SignedDevice): RawRequest => device.request({ apiKey: createApiKey(randomBytes).text });
const badlySigned = (device: SignedDevice): RawRequest =>
  device.request({ signature: `sig1=:${device.key().sign('other')}:` });

/** Sends until the answer is `blocked`; answers that one. */
async function failUntilBlocked(address: string, make: () => RawRequest, port = platform.port): Promise<RawResponse> {
  let response = await sendFrom(address, make(), port);
  await eventually(async () => {
    response = await sendFrom(address, make(), port);
    assert.equal(codeOf(response), 'blocked');
  });
  return response;
}

async function readEvents(): Promise<readonly SecurityEvent[]> {
  const entries = await platform.stores.redis.xrange(redisKeys.securityEvents, '-', '+');
  return entries.flatMap(([, fields]) => parseSecurityEvent(fields[1] ?? '') ?? []);
}

test('an address from which only unknown API keys come is blocked, for strangers and devices alike', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  const codes: unknown[] = [];
  for (let sent = 0; sent < LIMIT; sent += 1) codes.push(codeOf(await sendFrom(address, strangerOf(device))));
  assert.deepEqual(
    codes,
    Array.from({ length: LIMIT }, () => 'unauthorized'),
  );
  const response = await failUntilBlocked(address, () => strangerOf(device));
  assertProblem(response, 403, 'blocked');
  const retryAfterS = Number(response.headers.get('retry-after'));
  assert.ok(retryAfterS >= 1 && retryAfterS <= FIRST_BLOCK_S + 4, `Retry-After is ${retryAfterS}`);
  assertProblem(await sendFrom(address, device.request()), 403, 'blocked');
  assertAccepted(await sendFrom(newAddress(), device.request()), 1);
});

test('an address from which an envelope was admitted is not blocked for the API keys of others there', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  assertAccepted(await sendFrom(address, device.request()), 1);
  for (let sent = 0; sent < 3 * LIMIT; sent += 1) {
    assertProblem(await sendFrom(address, strangerOf(device)), 401, 'unauthorized');
  }
  assertAccepted(await sendFrom(address, device.request()), 1);
});

test('who repeats one wrong API key where others are admitted is blocked alone, and so is nobody who has the right one', async () => {
  const [device, neighbour] = [await platform.addDevice(), await platform.addDevice()];
  const address = newAddress();
  assertAccepted(await sendFrom(address, neighbour.request()), 1);
  const [, id = ''] = device.apiKey.text.split('_');
  const wrong = otherSecretOf(id);
  assertProblem(await failUntilBlocked(address, () => device.request({ apiKey: wrong })), 403, 'blocked');
  assertProblem(await sendFrom(address, strangerOf(device)), 401, 'unauthorized');
  assertAccepted(await sendFrom(address, neighbour.request()), 1);
  assertAccepted(await sendFrom(address, device.request()), 1);
});

/** An API key with the id of another: well formed, with a checksum that is right. */
function otherSecretOf(id: string): string {
  const bytes = (length: number): Uint8Array => randomBytes(length);
  const idBytes = Uint8Array.from(id, (letter) => BASE62.indexOf(letter));
  let calls = 0;
  return createApiKey((length) => {
    calls += 1;
    return calls === 1 ? idBytes : bytes(length);
  }).text;
}
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test('bad signatures under a device block it where they come from and nowhere else, and nobody else there', async () => {
  const [device, neighbour] = [await platform.addDevice(), await platform.addDevice()];
  const [own, foreign] = [newAddress(), newAddress()];
  const response = await failUntilBlocked(foreign, () => badlySigned(device));
  assertProblem(response, 403, 'blocked');
  assert.ok(Number(response.headers.get('retry-after')) >= 1);
  assertProblem(await sendFrom(foreign, device.request()), 403, 'blocked');
  assertAccepted(await sendFrom(own, device.request()), 1);
  assertAccepted(await sendFrom(foreign, neighbour.request()), 1);
});

test('a device is not silenced by bad signatures of somebody behind the same address', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  assertAccepted(await sendFrom(address, device.request()), 1);
  for (let sent = 0; sent < 3 * LIMIT; sent += 1) {
    assertProblem(await sendFrom(address, badlySigned(device)), 401, 'signature-invalid');
    if (sent % LIMIT === 0) assertAccepted(await sendFrom(address, device.request()), 1);
  }
  assertAccepted(await sendFrom(address, device.request()), 1);
});

test('a wrong clock, a repeated nonce, an unfit pack and a disabled device are no attacks', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  const accepted = device.request();
  assertAccepted(await sendFrom(newAddress(), accepted), 1);
  const disabled = await platform.addDevice();
  await platform.registry.disable(disabled);
  for (let sent = 0; sent < 2 * LIMIT; sent += 1) {
    assertProblem(await sendFrom(address, accepted), 409, 'replay-detected');
    assertProblem(await sendFrom(address, device.request({ createdS: 1 })), 403, 'timestamp-skew');
    assertProblem(await sendFrom(address, device.pack([{ n: 'other-device:x', v: 1 }])), 422, 'schema-invalid');
    assertProblem(await sendFrom(address, device.request({ body: '[' })), 400, 'malformed-body');
    assertProblem(await sendFrom(address, disabled.request()), 403, 'device-disabled');
  }
  assertAccepted(await sendFrom(address, device.request()), 1);
});

test('a block ends by itself, and the next one is twice as long', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  await failUntilBlocked(address, () => badlySigned(device));
  const firstMs = Date.now();
  await eventually(async () => assert.equal((await sendFrom(address, badlySigned(device))).status, 401), 10_000);
  assert.ok(Date.now() - firstMs < 2 * FIRST_BLOCK_S * 1000);
  await failUntilBlocked(address, () => badlySigned(device));
  const blocked = (await readEvents()).filter(({ kind, address: at }) => kind === 'source-blocked' && at === address);
  await eventually(async () => {
    const now = (await readEvents()).filter(({ kind, address: at }) => kind === 'source-blocked' && at === address);
    assert.deepEqual(
      now.map(({ device: about, detail }) => [about, detail.offence, detail.seconds]),
      [
        [device.id, 1, FIRST_BLOCK_S],
        [device.id, 2, 2 * FIRST_BLOCK_S],
      ],
    );
  });
  assert.ok(blocked.length >= 1);
  await eventually(async () => {
    const ends = (await readEvents()).filter(({ kind, address: at }) => kind === 'source-unblocked' && at === address);
    assert.ok(ends.length >= 1, 'no end is reported');
  }, 10_000);
});

test('a block holds in every process and after a restart, and an admission in one keeps the others from blocking', async () => {
  const device = await platform.addDevice();
  const [hostile, shared] = [newAddress(), newAddress()];
  const settings = { ...SETTINGS, TELLTALE_INGEST_BLOCK_FIRST_S: '600' };
  await using other = await startIngestHere(platform.stores.server.url, settings);
  await failUntilBlocked(hostile, () => strangerOf(device), other.port);
  // What neither counts as a failure nor is admitted.
  const probe = (): RawRequest => device.request({ createdS: 1 });
  await eventually(async () => assert.equal(codeOf(await sendFrom(hostile, probe())), 'blocked'));
  {
    await using restarted = await startIngestHere(platform.stores.server.url, settings);
    assertProblem(await sendFrom(hostile, device.request(), restarted.port), 403, 'blocked');
  }
  assertAccepted(await sendFrom(shared, device.request()), 1);
  for (let sent = 0; sent < 4 * LIMIT; sent += 1) {
    await sendFrom(shared, sent % 2 === 0 ? strangerOf(device) : badlySigned(device), other.port);
  }
  await eventually(async () => assertAccepted(await sendFrom(shared, device.request(), other.port), 1));
  assertAccepted(await sendFrom(shared, device.request()), 1);
});

test('blocked comes after framing and before the state of device, key and clock', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  await failUntilBlocked(address, () => badlySigned(device));
  await platform.registry.disable(device);
  const first = withField(device.request({ createdS: 1 }), 'Content-Type', 'text/plain');
  assertProblem(await sendFrom(address, first), 415, 'unsupported-media-type');
  assertProblem(await sendFrom(address, strangerOf(device)), 401, 'unauthorized');
  assertProblem(await sendFrom(address, device.request({ createdS: 1 })), 403, 'blocked');
  assertProblem(await sendFrom(newAddress(), device.request({ createdS: 1 })), 403, 'device-disabled');
});

test('all addresses of an IPv6 /64 are one, and those of its neighbour are others', async () => {
  const device = await platform.addDevice();
  let host = 0;
  await eventually(async () => {
    host += 1;
    const response = await sendFrom(`2001:db8:0:1::${host.toString(16)}`, strangerOf(device));
    assert.equal(codeOf(response), 'blocked');
  });
  assertProblem(await sendFrom('2001:db8:0:1:ffff::1', device.request()), 403, 'blocked');
  assertAccepted(await sendFrom('2001:db8:0:2::1', device.request()), 1);
});

test('a blocked address can neither enrol nor ask for the state of a request', async () => {
  const device = await platform.addDevice();
  const address = newAddress();
  await failUntilBlocked(address, () => strangerOf(device));
  const ask = { ...device.request(), method: 'GET', target: `/v1/enrolments/${'A'.repeat(22)}`, body: Buffer.alloc(0) };
  const enrol = { ...device.request({ contentType: 'application/json', body: '{}' }), target: '/v1/enrolments' };
  assertProblem(await sendFrom(address, withField(ask, 'Content-Length', '0')), 403, 'blocked');
  assertProblem(await sendFrom(address, enrol), 403, 'blocked');
});

test('a flood of failures makes few events, with their number and without anything that was sent', async () => {
  const device = await platform.addDevice();
  const [address, other] = [newAddress(), newAddress()];
  assertAccepted(await sendFrom(address, device.request()), 1);
  assertAccepted(await sendFrom(other, device.request()), 1);
  const sent: string[] = [];
  for (let count = 0; count < 40; count += 1) {
    const apiKey = createApiKey(randomBytes).text;
    const request = device.request({
      signature: `sig1=:${device.key().sign('other')}:`,
      body: `[{"n":"x","v":${count}1234567}]`,
    });
    sent.push(
      apiKey,
      `${count}1234567`,
      device.apiKey.text,
      ...request.fields.filter(([name]) => name === 'Signature').map(([, value]) => value),
    );
    await sendFrom(address, request);
    await sendFrom(other, device.request({ apiKey }));
  }
  const eventsOf = async (kind: string, at: string) =>
    (await readEvents()).filter((event) => event.kind === kind && event.address === at);
  await eventually(async () => {
    const counted = (events: readonly SecurityEvent[]) =>
      events.reduce((sum, { detail }) => sum + (detail.count ?? 0), 0);
    assert.equal(counted(await eventsOf('bad-signature', address)), 40);
    assert.equal(counted(await eventsOf('api-key-unknown', other)), 40);
  }, 20_000);
  const bad = await eventsOf('bad-signature', address);
  assert.ok(bad.length <= 3, `${bad.length} events`);
  assert.deepEqual([bad[0]?.device, bad[0]?.code, bad[0]?.actor], [device.id, 'signature-invalid', 'ingest']);
  const text = JSON.stringify(await readEvents());
  for (const secret of sent) assert.equal(text.includes(secret), false);
  assert.ok((await readSample(platform.ingest.adminUrl, 'ingest_security_events_total{kind="bad-signature"}')) >= 1);
});
