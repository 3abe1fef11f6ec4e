import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKeyOf, enrolment, giveToken, parseAnswer } from '../../support/enrolling.ts';
import { eventually } from '../../support/eventually.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { startProgram } from '../../support/process.ts';
import { send, type RawRequest } from '../../support/raw-http.ts';
import { startIngestHere } from '../../support/running-ingest.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

/** Exit code and last line of the standard output. */
async function admin(stores: WorkerStores, ...args: readonly string[]): Promise<readonly [number | null, string]> {
  const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
  await using started = await startProgram('scripts/admin.js', args, settings);
  const { code } = await started.running.exited;
  return [code, started.running.result];
}

test('an operator lets a device in, rotates and revokes its keys, and disables it, by commands that return when it is so', async () => {
  await using stores = await openWorkerStores();
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200));
  await using ingest = await startIngestHere(stores.server.url);
  const ask = (request: RawRequest) => send(ingest.port, request);
  const device = new SignedDevice('field-1');

  const [created, token] = await admin(stores, 'enrolment-token', 'create', '--device', device.id, '--ttl', '5m');
  assert.equal(created, 0);
  const first = apiKeyOf(parseAnswer(await ask(enrolment(device, token)), 201));
  assertAccepted(await ask(device.request({ apiKey: first.text })), 1);

  const [rotated, second] = await admin(stores, 'api-key', 'rotate', device.id, '--overlap', '1h');
  assert.equal(rotated, 0);
  for (const apiKey of [first.text, second]) assertAccepted(await ask(device.request({ apiKey })), 1);
  assert.deepEqual((await admin(stores, 'api-key', 'revoke', first.id))[0], 0);
  assertProblem(await ask(device.request({ apiKey: first.text })), 401, 'unauthorized');
  assertAccepted(await ask(device.request({ apiKey: second })), 1);

  assert.deepEqual((await admin(stores, 'device', 'disable', device.id))[0], 0);
  assertProblem(await ask(device.request({ apiKey: second })), 403, 'device-disabled');
  assert.deepEqual((await admin(stores, 'device', 'enable', device.id))[0], 0);
  await eventually(async () => assertAccepted(await ask(device.request({ apiKey: second })), 1));
  assert.deepEqual((await admin(stores, 'key', 'revoke', device.id, '1'))[0], 0);
  assertProblem(await ask(device.request({ apiKey: second })), 403, 'key-revoked');

  for (const args of [
    ['key', 'revoke', device.id, '7'],
    ['device', 'disable', 'nobody'],
    ['enrolment-token', 'create', '--ttl', '31d'],
    ['enrolment-token', 'create', '--class', 'flying'],
    ['api-key', 'rotate', device.id, '--overlap', 'soon'],
  ]) {
    assert.equal((await admin(stores, ...args))[0], 1, args.join(' '));
  }
});

test('a worker that is killed at any moment of many enrolments leaves each device whole, and each request answered', async () => {
  await using stores = await openWorkerStores();
  const first = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${first.adminUrl}/readyz`)).status, 200));
  await using ingest = await startIngestHere(stores.server.url, { TELLTALE_INGEST_REQUEST_WAIT_S: '30' });
  const devices = Array.from({ length: 40 }, (_, index) => new SignedDevice(`killed-${index}`));
  const tokens: string[] = [];
  for (const device of devices) tokens.push(await giveToken(stores, { deviceId: device.id }));
  const pending = Promise.all(
    devices.map((device, index) => send(ingest.port, enrolment(device, tokens[index] ?? ''))),
  );
  await eventually(async () => {
    assert.equal((await stores.database.query('SELECT 1 FROM devices LIMIT 3')).rows.length, 3);
  });
  process.kill(first.running.pid, 'SIGKILL');
  await first.running.exited;
  await using _second = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  for (const [index, response] of (await pending).entries()) {
    const apiKey = apiKeyOf(parseAnswer(response, 201)).text;
    assertAccepted(await send(ingest.port, devices[index]!.request({ apiKey })), 1);
  }
  const { rows } = await stores.database.query<{ counts: unknown }>(
    `SELECT json_build_array((SELECT count(*) FROM devices), (SELECT count(*) FROM device_keys),
       (SELECT count(*) FROM api_keys), (SELECT count(*) FROM enrolment_tokens WHERE used_at IS NOT NULL)) AS counts`,
  );
  assert.deepEqual(rows[0]?.counts, [40, 40, 40, 40]);
});
