import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { eventually } from '../../support/eventually.ts';
import { openFrontDoors, type FrontDoors } from '../../support/front-doors.ts';
import { ENVELOPE_KINDS, partsOf, type Sealed } from '../../support/sealed-envelopes.ts';
import type { SignedDevice } from '../../support/signed-device.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const [, jws] = ENVELOPE_KINDS;

let doors: FrontDoors;
before(async () => {
  doors = await openFrontDoors();
});
after(() => doors[Symbol.asyncDispose]());

function payloadOf(device: SignedDevice, nonce?: number): Uint8Array {
  const sealed = jws!.seal(partsOf(device, nonce === undefined ? {} : { nonce }));
  assert.ok(sealed.kind === 'payload');
  return sealed.payload;
}

async function entriesOf(device: SignedDevice): Promise<number> {
  const entries = await doors.stores.redis.xrange(redisKeys.readings(shardOf(device.id, SHARD_COUNT)), '-', '+');
  return entries.filter(([, fields]) => fields.some((field) => field.includes(`"${device.id}"`))).length;
}

const statuses = (device: SignedDevice) => doors.receiptsOf(device.id).map(({ status }) => status);

test('a receipt names the nonce, and what was accepted', async () => {
  const device = await doors.addDevice();
  const nonce = device.nextNonce();
  const sealed: Sealed = { kind: 'payload', mediaType: '', payload: payloadOf(device, nonce) };
  assert.deepEqual(await doors.sendByMqtt(device.id, sealed), { nonce: String(nonce), status: 202, accepted: 1 });
  assert.equal(await entriesOf(device), 1);
});

test('what is no envelope gets a receipt without a nonce, and a topic that names nobody gets none', async () => {
  const device = await doors.addDevice();
  for (const payload of [Buffer.from('hello'), Buffer.alloc(0), Buffer.from('{}'), Buffer.alloc(300_000, 0x61)]) {
    const receipt = await doors.sendByMqtt(device.id, { kind: 'payload', mediaType: '', payload });
    assert.equal(receipt.nonce, null);
    assert.ok(['malformed-body', 'payload-too-large'].includes(receipt.code ?? ''), JSON.stringify(receipt));
  }
  await doors.publish('bad device', payloadOf(device));
  assert.equal(
    (await doors.sendByMqtt(device.id, { kind: 'payload', mediaType: '', payload: payloadOf(device) })).status,
    202,
  );
  assert.deepEqual(doors.receiptsOf('bad device'), []);
});

test('while Redis is away no message is refused; when it is back each has its receipt', async () => {
  const device = await doors.addDevice();
  await doors.sendByMqtt(device.id, { kind: 'payload', mediaType: '', payload: payloadOf(device) });
  await doors.stores.server.stop();
  for (let i = 0; i < 12; i += 1) await doors.publish(device.id, payloadOf(device));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(doors.receiptsOf(device.id).length, 1);
  await doors.stores.server.restart();
  await eventually(() => assert.equal(doors.receiptsOf(device.id).length, 13), 20_000);
  assert.ok(
    statuses(device).every((status) => status === 202 || status === 409),
    String(statuses(device)),
  );
  await eventually(async () => assert.equal(await entriesOf(device), 13));
});

test('kill -9 of ingest in the middle: every message has its receipt in the end, and is in the log once', async () => {
  const devices: SignedDevice[] = [];
  for (let i = 0; i < 8; i += 1) devices.push(await doors.addDevice());
  const sent = devices.map((device) => Array.from({ length: 40 }, () => payloadOf(device)));
  const publishing = Promise.all(
    sent.flatMap((payloads, index) => payloads.map((payload) => doors.publish(devices[index]!.id, payload))),
  );
  await eventually(() => {
    assert.notEqual(
      devices.find((device) => doors.receiptsOf(device.id).length > 0),
      undefined,
    );
  });
  doors.ingest.running.kill('SIGKILL');
  await doors.ingest.running.exited;
  await publishing;
  await doors.restartIngest();
  for (const device of devices) {
    await eventually(async () => assert.equal(await entriesOf(device), 40), 20_000);
  }
  // A message that was admitted and not acknowledged comes again and is a replay: it, too, has a receipt.
  await eventually(() => {
    for (const device of devices) {
      const answered = new Set(doors.receiptsOf(device.id).map(({ nonce }) => nonce));
      assert.equal(answered.size, 40, device.id);
    }
  });
});

test('a broker that is away does not stop HTTP, and what is published afterwards is taken', async () => {
  const device = await doors.addDevice();
  await doors.broker.stop();
  const [httpSignature] = ENVELOPE_KINDS;
  await eventually(async () => {
    assert.equal((await fetch(`${doors.ingest.adminUrl}/readyz`)).status, 200);
  });
  assert.equal((await doors.sendByHttp(device.apiKey.text, httpSignature!.seal(partsOf(device)))).status, 202);
  await doors.broker.restart();
  await doors.untilConnected();
  await eventually(() => assert.equal(doors.mqtt.connected, true), 20_000);
  await doors.mqtt.subscribeAsync('telltale/v1/devices/+/receipts', { qos: 1 });
  await eventually(async () => {
    const receipt = await doors.sendByMqtt(device.id, { kind: 'payload', mediaType: '', payload: payloadOf(device) });
    assert.equal(receipt.status, 202);
  }, 20_000);
});

test('SIGTERM with messages on their way: the process ends with 0, and the next one takes what is left', async () => {
  const device = await doors.addDevice();
  const payloads = Array.from({ length: 100 }, () => payloadOf(device));
  const publishing = Promise.all(payloads.map((payload) => doors.publish(device.id, payload)));
  const { code } = await doors.ingest.running.stop(8000);
  assert.equal(code, 0);
  await publishing;
  await doors.restartIngest();
  await eventually(async () => assert.equal(await entriesOf(device), 100), 20_000);
});
