import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { tellBroker } from '../../../cli/broker-logins/tell-broker.ts';
import { writeLogins } from '../../../cli/broker-logins/write-logins.ts';
import { hashForMosquitto } from '../../../platform/crypto/mosquitto-password.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { TrustStore } from '../../../platform/postgres/trust-store.ts';
import { findMosquitto, startMosquitto } from '../../../scripts/dev-stack/start-mosquitto.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { startProcess, type RunningProcess } from '../../../scripts/process/running-process.ts';
import { endWithTests } from '../../support/end-with-tests.ts';
import { eventually } from '../../support/eventually.ts';
import { startProgram, type TestProcess } from '../../support/process.ts';
import { createProjector, projectNow } from '../../support/projecting.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const NOT_AUTHORIZED = 0x87;
const STOP_MS = 10_000;
/** As a shell tells that a process was ended by SIGKILL. */
const KILLED = 137;

let stores: WorkerStores;
let registry: RegistryStore;
let folder: string;
let port: number;
before(async () => {
  stores = await openWorkerStores();
  registry = new RegistryStore(stores.database);
  folder = await mkdtemp(join(tmpdir(), 'telltale-broker-'));
  port = await findFreePort();
  await writeFile(join(folder, 'ingest-password'), 'a password of ingest alone');
  // As init leaves them.
  await writeLogins(folder, { ingestHash: hashForMosquitto('a password of ingest alone'), devices: [] });
});
after(async () => {
  await stores[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function register(id: string): Promise<SignedDevice> {
  const device = new SignedDevice(id);
  const registration = device.registration();
  const brokerHash = hashForMosquitto(device.apiKey.text);
  const apiKeys = registration.apiKeys.map((apiKey) => ({ ...apiKey, brokerHash }));
  await registry.registerDevices([{ ...registration, apiKeys }]);
  await projectNow(stores, createProjector(stores));
  return device;
}

async function logIn({ id: username, apiKey }: SignedDevice): Promise<void> {
  const options = { username, password: apiKey.text, protocolVersion: 5, reconnectPeriod: 0 } as const;
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, options, false);
  await client.endAsync(true);
}

const eventuallyLogsIn = (device: SignedDevice): Promise<void> => eventually(() => logIn(device));

/** On the same port and with the same sessions as the one before. */
async function startBroker(): Promise<RunningProcess> {
  const logins = { folder, ingestPort: await findFreePort() };
  const { process: running } = await startMosquitto({ port, folder, logins });
  endWithTests(running);
  return running;
}

function keepLogins(...args: readonly string[]): Promise<TestProcess> {
  const own = ['--folder', folder, '--ingest-password-file', join(folder, 'ingest-password'), ...args];
  const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
  return startProgram('scripts/broker-logins.js', own, settings);
}

test('logins follow a broker that was killed and has come back as another process', async () => {
  const pidFile = join(folder, 'pid');
  const broker = await startBroker();
  await writeFile(pidFile, String(broker.pid));
  await using program = await keepLogins('--pid-file', pidFile);
  await eventuallyLogsIn(await register('before'));

  process.kill(broker.pid, 'SIGKILL');
  await broker.exited;
  const meanwhile = await register('meanwhile');
  await eventually(async () => assert.match(await readFile(join(folder, 'passwords'), 'utf8'), /^meanwhile:/m));
  const next = await startBroker();
  assert.notEqual(next.pid, broker.pid);
  await eventuallyLogsIn(meanwhile);
  await writeFile(pidFile, String(next.pid));
  await eventuallyLogsIn(await register('afterwards'));
  assert.deepEqual(await program.running.stop(STOP_MS), { code: 0, signal: null });
  assert.deepEqual(program.running.lastLines(), []);
  await next.stop(STOP_MS);
});

/** Of the script, as its container's process 1 has them. */
async function brokerOf(script: RunningProcess): Promise<number> {
  const children = await readFile(`/proc/${script.pid}/task/${script.pid}/children`, 'utf8');
  for (const pid of children.trim().split(' ').map(Number)) {
    if ((await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')) === 'mosquitto\n') return pid;
  }
  throw new Error('no Mosquitto yet');
}

async function runContainer(): Promise<RunningProcess> {
  const path = [dirname(findMosquitto() ?? ''), process.env.PATH].join(delimiter);
  const env = { PATH: path, LOGINS: folder };
  const args = ['deploy/docker/run-mosquitto.sh', join(folder, 'mosquitto.conf')];
  const running = await startProcess({ name: 'run-mosquitto', command: 'sh', args, env });
  endWithTests(running);
  return running;
}

test('the container of the broker ends with it, and reads logins that change, whoever writes them', async () => {
  // Writes the configuration.
  await (await startBroker()).stop(STOP_MS);
  const adminPort = await findFreePort();
  const admin = async (path: string) => await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  await using program = await keepLogins('--admin-port', String(adminPort));
  const container = await runContainer();
  const first = await register('first');
  await eventuallyLogsIn(first);

  const killed = await eventually(() => brokerOf(container));
  process.kill(killed, 'SIGKILL');
  assert.deepEqual(await container.exited, { code: KILLED, signal: null });
  const second = await register('second');
  await eventually(async () => assert.match(await admin('/metrics'), /^broker_logins_devices\{[^}]*\} [4-9]/m));
  assert.equal(await admin('/readyz'), 'ready\n');

  const again = await runContainer();
  await eventuallyLogsIn(second);
  assert.notEqual(await brokerOf(again), killed);
  await eventuallyLogsIn(await register('third'));
  await new TrustStore(stores.database).disableDevice(first.id);
  await projectNow(stores, createProjector(stores));
  await eventually(() => assert.rejects(logIn(first), { code: NOT_AUTHORIZED }));

  const last = await brokerOf(again);
  assert.deepEqual(await again.stop(STOP_MS), { code: 0, signal: null });
  await assert.rejects(readFile(`/proc/${last}/status`), { code: 'ENOENT' });
  const metrics = await admin('/metrics');
  assert.match(metrics, /^broker_logins_failures_total\{service="broker-logins"\} 0$/m);
  const [, stale] = /^broker_logins_stale_seconds\{service="broker-logins"\} ([\d.]+)$/m.exec(metrics) ?? [];
  assert.ok(Number(stale) < 15, stale);
  assert.match(metrics, /^redis_connection_up\{connection="broker-logins",service="broker-logins"\} 1$/m);
  assert.deepEqual(await program.running.stop(STOP_MS), { code: 0, signal: null });
});

test('logins that do not follow the registry are seen at the admin port', async () => {
  const adminPort = await findFreePort();
  const away = new URL(stores.databaseUrl);
  away.port = String(await findFreePort());
  const args = ['--folder', folder, '--ingest-password-file', join(folder, 'ingest-password')];
  const settings = { DATABASE_URL: away.href, REDIS_URL: stores.server.url };
  await using _program = await startProgram(
    'scripts/broker-logins.js',
    [...args, '--admin-port', String(adminPort)],
    settings,
  );
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${adminPort}${path}`);
  await eventually(async () => {
    const metrics = await (await ask('/metrics')).text();
    assert.match(metrics, /^broker_logins_failures_total\{service="broker-logins"\} [1-9]/m);
    assert.match(metrics, /^broker_logins_stale_seconds\{service="broker-logins"\} [1-9]/m);
  });
  const ready = await ask('/readyz');
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /not been compared with the registry yet/);
  assert.equal((await ask('/healthz')).status, 200);
});

test('a signal ends nobody: neither a broker that is just starting nor a program with the number of one that crashed', async () => {
  const stranger = spawn('sleep', ['60']);
  try {
    await once(stranger, 'spawn');
    assert.equal(tellBroker(stranger.pid ?? 0), false);
    assert.equal(stranger.signalCode, null);
  } finally {
    stranger.kill();
    await once(stranger, 'exit');
  }
  assert.equal(tellBroker(stranger.pid ?? 0), false);
});
