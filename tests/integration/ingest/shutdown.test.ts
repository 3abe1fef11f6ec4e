import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { eventually } from '../../support/eventually.ts';
import { IngestRegistry } from '../../support/ingest-registry.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { startService, type TestService } from '../../support/process.ts';
import { encodeRequest, openConnection, send, type RawConnection } from '../../support/raw-http.ts';
import { readSample } from '../../support/running-ingest.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const STOP_WITHIN_MS = 5000;
const CLIENTS = 100;
/** So many signatures take noble a third of a second, which is longer than to ask the process to end, and on a busy machine less than it has. */
const SLOW_BATCH = 120;

let stores: WorkerStores;
const device = new SignedDevice('dev-1');

before(async () => {
  stores = await openWorkerStores();
  const registry = new IngestRegistry(stores);
  await registry.beginLogs();
  await registry.register(device);
});
after(() => stores[Symbol.asyncDispose]());

interface Ingest extends TestService {
  readonly port: number;
}

async function start(verifier: 'node' | 'noble'): Promise<Ingest> {
  const port = await findFreePort();
  const service = await startService('ingest', {
    REDIS_URL: stores.server.url,
    TELLTALE_SHARDS: String(SHARD_COUNT),
    TELLTALE_INGEST_PORT: String(port),
    TELLTALE_INGEST_VERIFIER: verifier,
    // One device and one address send whole batches here.
    TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000',
    TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: '100000',
  });
  return { ...service, port };
}

const inFlight = (ingest: Ingest) => readSample(ingest.adminUrl, 'ingest_in_flight_requests');
const untilInFlight = (ingest: Ingest, count: number) =>
  eventually(async () => assert.equal(await inFlight(ingest), count));

/** Ends in time, with 0, and with nothing in its log that an operator would have to look at. */
async function assertStops(ingest: Ingest): Promise<void> {
  const askedAtMs = performance.now();
  assert.deepEqual(await ingest.running.stop(STOP_WITHIN_MS + 1000), { code: 0, signal: null });
  assert.ok(performance.now() - askedAtMs < STOP_WITHIN_MS);
  const unusual = ingest.running.lastLines(200).filter((line) => !line.includes('"level":30'));
  assert.deepEqual(unusual, []);
}

async function openConnections(port: number, count: number): Promise<RawConnection[]> {
  return await Promise.all(Array.from({ length: count }, () => openConnection(port)));
}

test('SIGTERM under load: what is in flight is answered, the connections are closed, and the process ends with 0', async () => {
  await using ingest = await start('node');
  const requests = Array.from({ length: CLIENTS }, () => encodeRequest(device.request()));
  const connections = await openConnections(ingest.port, CLIENTS);
  stores.server.pause();
  await Promise.all(connections.map((connection, index) => connection.write(requests[index]!)));
  await untilInFlight(ingest, CLIENTS);
  const stopped = assertStops(ingest);
  stores.server.resume();
  for (const connection of connections) {
    const response = await connection.read();
    assert.ok(response, 'a request in flight was not answered');
    assertAccepted(response, 1);
    assert.equal(response.headers.get('connection'), 'close');
    await connection.untilEnded();
  }
  await stopped;
});

test('SIGTERM with content on its way: it is waited for a little', async () => {
  await using ingest = await start('node');
  const [quick, slow, silent] = await openConnections(ingest.port, 3);
  assert.ok(quick && slow && silent);
  const bytes = encodeRequest(device.request());
  await Promise.all([quick, slow].map((connection) => connection.write(bytes.subarray(0, -5))));
  await untilInFlight(ingest, 2);
  const stopped = assertStops(ingest);
  await quick.write(bytes.subarray(-5));
  assertAccepted((await quick.read())!, 1);
  assertProblem((await slow.read())!, 408, 'request-timeout');
  await silent.untilEnded();
  await stopped;
});

test('SIGTERM after clients have gone: what they sent is finished, and nothing is logged about it', async () => {
  await using ingest = await start('noble');
  const requests = Array.from({ length: SLOW_BATCH }, () => device.request());
  const connections = await openConnections(ingest.port, SLOW_BATCH);
  await Promise.all(connections.map((connection, index) => connection.write(encodeRequest(requests[index]!))));
  await eventually(async () => assert.ok((await inFlight(ingest)) > 0, 'nothing is in flight'));
  for (const connection of connections) connection.abort();
  await assertStops(ingest);

  await using next = await start('node');
  const statuses = await Promise.all(requests.map(async (request) => (await send(next.port, request)).status));
  assert.ok(statuses.every((status) => status === 409 || status === 202));
  assert.ok(statuses.includes(409));
});

test('SIGTERM with Redis away: devices are told to come back, and the process ends with 0', async () => {
  await using ingest = await start('node');
  assertAccepted(await send(ingest.port, device.request()), 1);
  stores.server.pause();
  try {
    const [connection] = await openConnections(ingest.port, 1);
    assert.ok(connection);
    await connection.write(encodeRequest(device.request()));
    await untilInFlight(ingest, 1);
    const stopped = assertStops(ingest);
    assertProblem((await connection.read())!, 503, 'temporary-reduced-capacity');
    await stopped;
  } finally {
    stores.server.resume();
  }
});
