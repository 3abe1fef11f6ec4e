import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../../platform/postgres/trust-store.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { eventually } from '../../support/eventually.ts';
import { startService, type TestService } from '../../support/process.ts';
import { send, type RawRequest } from '../../support/raw-http.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const EFFECTIVE_WITHIN_MS = 2000;
const SEND_EVERY_MS = 10;
/** Fewer would prove little, and a slow machine sends them too. */
const LEAST_LATE_REPLIES = 20;
/** What a machine without time to spare may answer to anybody: nothing was taken. */
const BUSY = 'temporary-reduced-capacity';
const LOAD_BEFORE_MS = 1000;
const LOAD_AFTER_MS = 4000;

let stores: WorkerStores;
let worker: TestService;
let ingest: TestService;
let port: number;

/** Redis users of their own, so that the channels can be taken from ingest alone. */
async function urlOfUser(name: string): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  await stores.redis.call('ACL', 'SETUSER', name, 'on', `>${password}`, '~*', '+@all', 'allchannels');
  const url = new URL(stores.server.url);
  url.username = name;
  url.password = password;
  return url.href;
}

before(async () => {
  stores = await openWorkerStores();
  worker = await startWorkerProcess(await urlOfUser('worker'), stores.databaseUrl);
  port = await findFreePort();
  ingest = await startService('ingest', {
    REDIS_URL: await urlOfUser('ingest'),
    TELLTALE_SHARDS: String(SHARD_COUNT),
    TELLTALE_INGEST_PORT: String(port),
    TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000',
    // A device that asks on and on with an API key that is not known yet looks like one who guesses.
    TELLTALE_INGEST_BLOCK_AFTER: '1000000',
  });
  await cutPubSub();
});
after(async () => {
  await ingest[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

/** From here on Redis ends the subscription of ingest and refuses it another one, for good. */
async function cutPubSub(): Promise<void> {
  await eventually(async () => assert.equal(await subscribers(), 1));
  await stores.redis.call('ACL', 'SETUSER', 'ingest', 'resetchannels');
  await eventually(async () => assert.equal(await subscribers(), 0));
}

/** Connections of ingest that hear announcements; the worker has one, too. */
async function subscribers(): Promise<number> {
  const clients = String(await stores.redis.call('CLIENT', 'LIST')).split('\n');
  return clients.filter((client) => / sub=1 .* user=ingest /.test(client)).length;
}

interface Reply {
  readonly sentMs: number;
  /** `accepted`, or the code of the problem. */
  readonly code: string;
}

let lastTimeUs = 0;

/** One reading with a time of its own: device, metric and time are its identity in the database. */
function packOf(device: SignedDevice): RawRequest {
  lastTimeUs = Math.max(lastTimeUs + 1, Date.now() * 1000);
  return device.pack([{ n: 'pga', u: 'm/s2', v: 0.42, t: lastTimeUs / 1e6 }]);
}

/** Sends on connections of their own and does not wait for replies before it sends the next, until it is disposed of. */
class Load implements Disposable {
  readonly #device: SignedDevice;
  readonly #replies: Promise<Reply>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(device: SignedDevice) {
    this.#device = device;
    this.#timer = setInterval(() => this.#replies.push(this.#send()), SEND_EVERY_MS);
  }

  async #send(): Promise<Reply> {
    const sentMs = Date.now();
    const { status, body } = await send(port, packOf(this.#device));
    return { sentMs, code: status === 202 ? 'accepted' : (JSON.parse(body) as { code: string }).code };
  }

  async stop(): Promise<readonly Reply[]> {
    this[Symbol.dispose]();
    return await Promise.all(this.#replies);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

const codes = (replies: readonly Reply[]) =>
  [...new Set(replies.map(({ code }) => code))].filter((code) => code !== BUSY).sort();

for (const { what, code, revoke } of [
  {
    what: 'a device key',
    code: 'key-revoked',
    revoke: (trust: TrustStore, device: SignedDevice) => trust.revokeKey(device.id, '1'),
  },
  {
    what: 'an API key',
    code: 'unauthorized',
    revoke: (trust: TrustStore, device: SignedDevice) => trust.revokeApiKey(device.apiKey.id),
  },
  {
    what: 'a device',
    code: 'device-disabled',
    revoke: (trust: TrustStore, device: SignedDevice) => trust.disableDevice(device.id),
  },
]) {
  test(`${what} is revoked under load and without Pub/Sub: 2 s later nothing of it is accepted`, async () => {
    const device = new SignedDevice(`load-${code}`);
    const bystander = new SignedDevice(`beside-${code}`);
    await new RegistryStore(stores.database).registerDevices([device.registration(), bystander.registration()]);
    for (const each of [device, bystander]) {
      await eventually(async () => assert.equal((await send(port, packOf(each))).status, 202));
    }
    using load = new Load(device);
    using beside = new Load(bystander);
    await delay(LOAD_BEFORE_MS);
    await revoke(new TrustStore(stores.database), device);
    const committedMs = Date.now();
    await delay(LOAD_AFTER_MS);
    assert.equal(await subscribers(), 0);
    const [replies, others] = await Promise.all([load.stop(), beside.stop()]);

    const early = replies.filter(({ sentMs }) => sentMs < committedMs - 100);
    const late = replies.filter(({ sentMs }) => sentMs > committedMs + EFFECTIVE_WITHIN_MS);
    assert.deepEqual(codes(early), ['accepted']);
    assert.deepEqual(codes(late), [code]);
    assert.ok(late.filter((reply) => reply.code === code).length >= LEAST_LATE_REPLIES, `of ${late.length} late ones`);
    assert.deepEqual(codes(replies), ['accepted', code].sort());
    assert.deepEqual(codes(others), ['accepted'], 'a device that nobody has revoked');

    // Nor was any of it kept, whatever it was answered. Of one that was told to come back nobody knows.
    const answered = (what: string) => replies.filter((reply) => reply.code === what).length;
    const accepted = answered('accepted') + 1;
    await eventually(async () => {
      const stored = await countStored(device, 0);
      assert.ok(stored >= accepted && stored <= accepted + answered(BUSY), `${stored} of ${accepted} are stored`);
    });
    assert.equal(await countStored(device, committedMs + EFFECTIVE_WITHIN_MS), 0);
  });
}

/** Readings of the device that arrived after this time. */
async function countStored(device: SignedDevice, afterMs: number): Promise<number> {
  const { rows } = await stores.database.query<{ count: string }>(
    'SELECT count(*) FROM readings WHERE device_id = $1 AND received_at > $2',
    [device.id, new Date(afterMs)],
  );
  return Number(rows[0]?.count);
}
