import assert from 'node:assert/strict';
import { chown, lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { mqttTopics } from '../../../contracts/mqtt-topics.ts';
import { hashForMosquitto } from '../../../platform/crypto/mosquitto-password.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../../platform/postgres/trust-store.ts';
import { tellBroker } from '../../../cli/broker-logins/tell-broker.ts';
import { LoginsFollower } from '../../../scripts/dev-stack/logins-follower.ts';
import { ACL_FILE, INGEST_LOGIN, PASSWORD_FILE, writeLogins } from '../../../cli/broker-logins/write-logins.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { INGEST_PASSWORD, startBrokerWithLogins, type BrokerWithLogins } from '../../support/broker-with-logins.ts';
import { apiKeyOf, enrolment, giveToken, parseAnswer } from '../../support/enrolling.ts';
import { eventually } from '../../support/eventually.ts';
import { IngestRegistry } from '../../support/ingest-registry.ts';
import { startProgram, startService } from '../../support/process.ts';
import { createProjector, projectNow } from '../../support/projecting.ts';
import { send } from '../../support/raw-http.ts';
import { startRegistryWorker } from '../../support/registry-worker.ts';
import { runProgram } from '../../support/run-program.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const NOT_AUTHORIZED = 0x87;

/** Linux gives out no higher one. */
const HIGHEST_PID = 4_194_304;

let stores: WorkerStores;
let broker: BrokerWithLogins;
let registry: RegistryStore;
let trust: TrustStore;
before(async () => {
  stores = await openWorkerStores();
  registry = new RegistryStore(stores.database);
  trust = new TrustStore(stores.database);
  broker = await startBrokerWithLogins(stores.databaseUrl);
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

async function register(id: string, brokerHash?: string): Promise<SignedDevice> {
  const device = new SignedDevice(id);
  await registry.registerDevices([withHash(device, brokerHash ?? hashForMosquitto(device.apiKey.text))]);
  return device;
}

function withHash(device: SignedDevice, brokerHash: string) {
  const registration = device.registration();
  return { ...registration, apiKeys: registration.apiKeys.map((apiKey) => ({ ...apiKey, brokerHash })) };
}

/** Gives the device another API key; the one that it has stays good for the overlap. */
async function rotate(device: SignedDevice, overlapMs: number): Promise<SignedDevice['apiKey']> {
  const { apiKey } = new SignedDevice(device.id);
  const registration = withHash(device, hashForMosquitto(apiKey.text)).apiKeys[0];
  assert.ok(registration);
  await trust.rotateApiKey(device.id, { ...registration, id: apiKey.id }, overlapMs);
  return apiKey;
}

/** Once Mosquitto has read its files. */
const eventuallyLogin = (id: string, password: string): Promise<MqttClient> =>
  eventually(() => broker.login(id, password));

const assertNoLogin = (id: string, password: string): Promise<void> =>
  assert.rejects(broker.login(id, password), { code: NOT_AUTHORIZED }, `${id} can log in`);

const eventuallyNoLogin = (id: string, password: string): Promise<void> =>
  eventually(() => assertNoLogin(id, password));

/** What the client reads from now on, by topic. */
async function read(client: MqttClient, ...filters: readonly string[]): Promise<string[]> {
  const topics: string[] = [];
  client.on('message', (topic) => topics.push(topic));
  for (const filter of filters) await client.subscribeAsync(filter, { qos: 1 });
  return topics;
}

test('a device logs in with its own API key after a refresh, and nobody without a login', async () => {
  const [one, other] = [await register('login-1'), await register('login-2')];
  await assertNoLogin(one.id, one.apiKey.text);
  await broker.refresh();
  await eventuallyLogin(one.id, one.apiKey.text);
  await broker.login(other.id, other.apiKey.text);
  await assertNoLogin(one.id, other.apiKey.text);
  await assertNoLogin(one.id, `${one.apiKey.text}x`);
  await assertNoLogin('login-3', one.apiKey.text);
  await assertNoLogin(INGEST_LOGIN, one.apiKey.text);
  await assert.rejects(broker.login('', ''));
});

test('what a device publishes on another topic than its own does not reach ingest', async () => {
  const [one, other] = [await register('publish-1'), await register('publish-2')];
  await broker.refresh();
  await eventuallyLogin(one.id, one.apiKey.text);
  const taken = await read(await broker.ingest('reader'), mqttTopics.sharedTelemetry('reader'), '#');
  const foreign = [mqttTopics.telemetry(other.id), mqttTopics.receipts(one.id), mqttTopics.receipts(other.id), 'any'];
  for (const topic of foreign) {
    // Each in a session of its own: Mosquitto 2.0.11 answers the refused message and then ends the connection.
    const client = await broker.login(one.id, one.apiKey.text);
    await assert.rejects(client.publishAsync(topic, 'x', { qos: 1 }), { code: NOT_AUTHORIZED }, topic);
    // MQTT 3.1.1 has no word for it: what is refused is acknowledged like the rest.
    const older = await broker.login(one.id, one.apiKey.text, { protocolVersion: 4 });
    await older.publishAsync(topic, 'x', { qos: 1 });
  }
  const client = await broker.login(one.id, one.apiKey.text);
  await client.publishAsync(mqttTopics.telemetry(one.id), 'x', { qos: 1 });
  // A broker hands on in the order in which it was given: what was refused would be here by now.
  await eventually(() => assert.deepEqual([...new Set(taken)], [mqttTopics.telemetry(one.id)]));
});

test('a device reads its own receipts alone, also by wildcards', async () => {
  const [one, other] = [await register('read-1'), await register('read-2')];
  await broker.refresh();
  const client = await eventuallyLogin(one.id, one.apiKey.text);
  const filters = [mqttTopics.receipts(one.id), mqttTopics.receipts(other.id), mqttTopics.receipts('+'), '#'];
  const received = await read(client, ...filters, mqttTopics.telemetry('+'), `$share/x/${mqttTopics.receipts('+')}`);
  const otherClient = await broker.login(other.id, other.apiKey.text);
  const otherReceived = await read(otherClient, mqttTopics.receipts(other.id));
  await otherClient.publishAsync(mqttTopics.telemetry(other.id), 'x', { qos: 1 });
  const ingest = await broker.ingest('answers');
  for (const device of [other, one]) await ingest.publishAsync(mqttTopics.receipts(device.id), 'x', { qos: 1 });
  // Filters that overlap bring a message more than once.
  await eventually(() => assert.deepEqual([...new Set(received)], [mqttTopics.receipts(one.id)]));
  await eventually(() => assert.deepEqual(otherReceived, [mqttTopics.receipts(other.id)]));
});

test('a device takes neither messages nor sessions of ingest, nor the session of another device', async () => {
  const [thief, honest] = [await register('thief'), await register('honest')];
  await broker.refresh();
  const ingest = await broker.ingest('_telltale-ingest-0');
  const taken = await read(ingest, mqttTopics.sharedTelemetry('known-to-ingest-alone'));
  const client = await eventuallyLogin(honest.id, honest.apiKey.text);
  for (const clientId of ['_telltale-ingest-0', honest.id]) {
    const theft = await broker.login(thief.id, thief.apiKey.text, { clientId });
    // Mosquitto lets everybody join a group, and what it gives to a member who must not read it is gone.
    await theft.subscribeAsync(mqttTopics.sharedTelemetry('telltale'), { qos: 1 });
    for (let i = 0; i < 10; i += 1) {
      await client.publishAsync(mqttTopics.telemetry(honest.id), 'x', { qos: 1 });
    }
    await theft.endAsync(true);
  }
  await eventually(() => assert.equal(taken.length, 20));
  assert.deepEqual([ingest.connected, client.connected], [true, true]);
});

test('a device whose id has colons logs in by a name without them, and has its own topics alone', async () => {
  const device = await register('urn:dev:mac:0024befffe804ff1');
  const other = await register('urn');
  await broker.refresh();
  const client = await eventuallyLogin(device.id, device.apiKey.text);
  const ingest = await broker.ingest('colons');
  const taken = await read(ingest, mqttTopics.sharedTelemetry('colons'));
  const received = await read(client, mqttTopics.receipts('+'));
  await client.publishAsync(mqttTopics.telemetry(device.id), 'x', { qos: 1 });
  await eventually(() => assert.deepEqual(taken, [mqttTopics.telemetry(device.id)]));
  for (const { id } of [other, device]) await ingest.publishAsync(mqttTopics.receipts(id), 'x', { qos: 1 });
  await eventually(() => assert.deepEqual(received, [mqttTopics.receipts(device.id)]));
  await assert.rejects(client.publishAsync(mqttTopics.telemetry(other.id), 'x', { qos: 1 }), { code: NOT_AUTHORIZED });
  await broker.login(other.id, other.apiKey.text);
});

test('a disabled device and a revoked API key lose their login at the next refresh, and connections that stand', async () => {
  const [disabled, revoked, honest] = [await register('off-1'), await register('off-2'), await register('off-3')];
  await broker.refresh();
  const clients = [await eventuallyLogin(disabled.id, disabled.apiKey.text)];
  for (const device of [revoked, honest]) clients.push(await broker.login(device.id, device.apiKey.text));
  await trust.disableDevice(disabled.id);
  await trust.revokeApiKey(revoked.apiKey.id);
  await broker.refresh();
  const connected = () => clients.map((client) => client.connected);
  await eventually(() => assert.deepEqual(connected(), [false, false, true]));
  await assertNoLogin(disabled.id, disabled.apiKey.text);
  await assertNoLogin(revoked.id, revoked.apiKey.text);
  await trust.enableDevice(disabled.id);
  await broker.refresh();
  await eventuallyLogin(disabled.id, disabled.apiKey.text);
});

test('after a rotation the newest API key logs in, and the older one when the newest is revoked in the overlap', async () => {
  const device = await register('rotated');
  const next = await rotate(device, 60_000);
  await broker.refresh();
  await eventuallyLogin(device.id, next.text);
  await assertNoLogin(device.id, device.apiKey.text);
  await trust.revokeApiKey(next.id);
  await broker.refresh();
  await eventuallyLogin(device.id, device.apiKey.text);
  const last = await rotate(device, 0);
  await trust.revokeApiKey(last.id);
  await broker.refresh();
  await eventuallyNoLogin(device.id, device.apiKey.text);
  await assertNoLogin(device.id, last.text);
});

test('a device that enrols logs in with the API key of its reply', async () => {
  const port = await findFreePort();
  const settings = { TELLTALE_SHARDS: String(SHARD_COUNT), TELLTALE_INGEST_PORT: String(port) };
  await new IngestRegistry(stores).beginLogs();
  await using _ingest = await startService('ingest', { REDIS_URL: stores.server.url, ...settings });
  await using _worker = startRegistryWorker(stores);
  const device = new SignedDevice('enrolled');
  const answer = parseAnswer(await send(port, enrolment(device, await giveToken(stores))), 201);
  await broker.refresh();
  await eventuallyLogin(device.id, apiKeyOf(answer).text);
});

test('an API key that was registered before there were logins has one after it is registered again', async () => {
  const device = new SignedDevice('older');
  await registry.registerDevices([device.registration()]);
  await broker.refresh();
  await eventuallyNoLogin(device.id, device.apiKey.text);
  await registry.registerDevices([withHash(device, hashForMosquitto(device.apiKey.text))]);
  await registry.registerDevices([withHash(device, hashForMosquitto('something else'))]);
  await broker.refresh();
  await eventuallyLogin(device.id, device.apiKey.text);
});

test('nothing gets into the registry that would be another line of the password file', async () => {
  const hash = hashForMosquitto('x');
  for (const bad of [`${hash}\n${INGEST_LOGIN}:${hash}`, `${hash}\n`, `${hash}:`, '', 'plain']) {
    await assert.rejects(register('injected', bad), /api_keys_broker_hash_check/, JSON.stringify(bad));
  }
});

test('the admin command writes the files and tells Mosquitto', async () => {
  const device = await register('by-command');
  const { folder } = broker.logins;
  await writeFile(join(folder, 'password'), `${INGEST_PASSWORD}\n`);
  await writeFile(join(folder, 'pid'), `${broker.running.process.pid}\n`);
  const command = ['broker-logins', folder, '--ingest-password-file', join(folder, 'password')];
  const settings = { DATABASE_URL: stores.databaseUrl };
  await runProgram('scripts/admin.js', [...command, '--pid-file', join(folder, 'pid')], settings);
  await eventuallyLogin(device.id, device.apiKey.text);
  await broker.ingest('by-command-ingest');
  await writeFile(join(folder, 'gone'), `${HIGHEST_PID}\n`);
  const nobody = runProgram('scripts/admin.js', [...command, '--pid-file', join(folder, 'gone')], settings);
  await assert.rejects(nobody, /the logins are written, and no Mosquitto runs/);
  await writeFile(join(folder, 'password'), 'short');
  await assert.rejects(runProgram('scripts/admin.js', command, settings), /at least 16 characters/);
});

test('the logins follow the registry while the platform runs', async () => {
  const { logins: target, running } = broker;
  const told: string[] = [];
  const tell = (line: string) => told.push(line);
  const projector = createProjector(stores);
  const reload = () => tellBroker(running.process.pid);
  await using _follower = new LoginsFollower({ target, reload, redisUrl: stores.server.url, tell });
  const device = await register('followed');
  await projectNow(stores, projector);
  const client = await eventuallyLogin(device.id, device.apiKey.text);
  await trust.disableDevice(device.id);
  await projectNow(stores, projector);
  await eventually(() => assert.equal(client.connected, false));
  await assertNoLogin(device.id, device.apiKey.text);
  assert.deepEqual(told, []);
});

test('a program beside the broker keeps the logins current', async () => {
  const { folder } = broker.logins;
  const password = join(folder, 'ingest-password');
  await writeFile(password, INGEST_PASSWORD);
  const args = ['--folder', folder, '--ingest-password-file', password, '--pid', String(broker.running.process.pid)];
  const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
  await using program = await startProgram('scripts/broker-logins.js', args, settings);
  const device = await register('kept-current');
  await projectNow(stores, createProjector(stores));
  await eventuallyLogin(device.id, device.apiKey.text);
  assert.deepEqual(await program.running.stop(10_000), { code: 0, signal: null });
});

test('a link that lies where a file is written leads nowhere', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-files-'));
  try {
    const victim = join(folder, 'victim');
    await writeFile(victim, 'of somebody else');
    for (const name of [PASSWORD_FILE, ACL_FILE]) await symlink(victim, join(folder, `${name}.next`));
    assert.equal(await writeLogins(folder, { ingestHash: hashForMosquitto('x'), devices: [] }), true);
    assert.equal(await readFile(victim, 'utf8'), 'of somebody else');
    for (const name of [PASSWORD_FILE, ACL_FILE]) assert.equal((await lstat(join(folder, name))).isFile(), true);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the files are for Mosquitto alone, and written only when they change', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-files-'));
  try {
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(folder, 1883, 1883);
    const { uid, gid } = await stat(folder);
    const logins = { ingestHash: hashForMosquitto('x'), devices: [{ deviceId: 'a', hash: hashForMosquitto('y') }] };
    assert.equal(await writeLogins(folder, logins), true);
    assert.equal(await writeLogins(folder, logins), false);
    for (const name of [PASSWORD_FILE, ACL_FILE]) {
      const file = await stat(join(folder, name));
      assert.deepEqual([file.mode & 0o777, file.uid, file.gid], [0o600, uid, gid]);
    }
    assert.equal(await writeLogins(folder, { ...logins, devices: [] }), true);
    assert.equal(await readFile(join(folder, PASSWORD_FILE), 'utf8'), `${INGEST_LOGIN}:${logins.ingestHash}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
