import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { standBefore, type CutOffServer } from '../../support/cut-off-server.ts';
import { eventually } from '../../support/eventually.ts';
import { openFrontDoors, type Answer, type FrontDoors } from '../../support/front-doors.ts';
import { ENVELOPE_KINDS, partsOf } from '../../support/sealed-envelopes.ts';
import type { SignedDevice } from '../../support/signed-device.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const FROZEN_MS = 6000;
const DEVICES = 6;
const PACKS_PER_DEVICE = 360;
/** 40 packs a second of each device: several of them are on their way at once. */
const PACK_EVERY_MS = 25;
const FREEZE_AFTER_MS = 1000;
const SEND_AGAIN_AFTER_MS = 2500;

let between: CutOffServer;
let doors: FrontDoors;
before(async () => {
  doors = await openFrontDoors({ TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '1000' }, async (brokerUrl) => {
    const { server, url } = await standBefore(brokerUrl);
    between = server;
    return url;
  });
});
after(async () => {
  await doors[Symbol.asyncDispose]();
  await between[Symbol.asyncDispose]();
});

interface Sent {
  readonly nonce: number;
  readonly payload: Uint8Array;
  readonly atMs: number;
  /** How often a receipt for it was looked for and not there. */
  longestWaitMs: number;
}

/** A device that publishes whether or not there are receipts, as a sensor measures whether or not it is heard. */
class Publisher {
  readonly device: SignedDevice;
  readonly sent: Sent[] = [];
  readonly #sendsAgain: boolean;

  constructor(device: SignedDevice, sendsAgain: boolean) {
    this.device = device;
    this.#sendsAgain = sendsAgain;
  }

  async run(): Promise<void> {
    const startedMs = performance.now();
    for (let pack = 0; pack < PACKS_PER_DEVICE; pack += 1) {
      await delay(Math.max(0, startedMs + pack * PACK_EVERY_MS - performance.now()));
      const parts = partsOf(this.device);
      const sealed = ENVELOPE_KINDS[1 + (pack % 2)]!.seal(parts);
      assert.ok(sealed.kind === 'payload');
      this.sent.push({ nonce: parts.nonce, payload: sealed.payload, atMs: performance.now(), longestWaitMs: 0 });
      void doors.publish(this.device.id, sealed.payload);
    }
  }

  /** Every pack has its end: `accepted`, or `replay-detected` where it was sent again. */
  async untilAnswered(): Promise<void> {
    const sentAgain = new Set<number>();
    await eventually(async () => {
      const answered = new Set(this.receipts().map(({ nonce }) => Number(nonce)));
      const missing = this.sent.filter(({ nonce }) => !answered.has(nonce));
      for (const each of missing) {
        each.longestWaitMs = performance.now() - each.atMs;
        if (!this.#sendsAgain || each.longestWaitMs < SEND_AGAIN_AFTER_MS || sentAgain.has(each.nonce)) continue;
        sentAgain.add(each.nonce);
        await doors.publish(this.device.id, each.payload);
      }
      assert.equal(this.sent.length, PACKS_PER_DEVICE);
      assert.equal(missing.length, 0);
    }, 60_000);
  }

  receipts(): readonly Answer[] {
    return doors.receiptsOf(this.device.id);
  }
}

/** `<device> <nonce>` of every entry of the log. */
async function logged(): Promise<readonly string[]> {
  const entries: string[] = [];
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    for (const [, fields] of await doors.stores.redis.xrange(redisKeys.readings(shard), '-', '+')) {
      const { device, nonce } = JSON.parse(fields[1] ?? '') as { device: string; nonce: number };
      entries.push(`${device} ${nonce}`);
    }
  }
  return entries.sort();
}

test('one of four connections to the broker is frozen for 6 s: nothing is lost, doubled or refused for good', async () => {
  const publishers: Publisher[] = [];
  for (let index = 0; index < DEVICES; index += 1) {
    publishers.push(new Publisher(await doors.addDevice(), index % 2 === 1));
  }
  assert.equal(between.accepted, 4);
  const freezing = (async () => {
    await delay(FREEZE_AFTER_MS);
    const thaw = between.freezeOne();
    await delay(FROZEN_MS);
    thaw();
  })();
  await Promise.all([freezing, ...publishers.flatMap((publisher) => [publisher.run(), publisher.untilAnswered()])]);
  assert.equal(between.accepted, 4, 'a connection was given up');

  const [patient, impatient] = [0, 1].map((kind) => publishers.filter((_, index) => index % 2 === kind));
  const longestMs = Math.max(...patient!.flatMap(({ sent }) => sent.map(({ longestWaitMs }) => longestWaitMs)));
  // A slow machine looks rarely, and a pack that comes late finds less of it.
  assert.ok(longestMs > FROZEN_MS / 2, `nothing waited for the connection: ${longestMs} ms`);
  // What was sent again went another way, and the first one is a replay when it gets through; that takes until it does.
  await eventually(() => {
    const codes = new Set(impatient!.flatMap((publisher) => publisher.receipts().map(({ code }) => code)));
    assert.deepEqual(codes, new Set([undefined, 'replay-detected']));
  });
  for (const publisher of patient!) {
    assert.deepEqual(new Set(publisher.receipts().map(({ status }) => status)), new Set([202]));
  }
  const expected = publishers.flatMap(({ device, sent }) => sent.map(({ nonce }) => `${device.id} ${nonce}`));
  assert.deepEqual(await logged(), expected.sort());
});
