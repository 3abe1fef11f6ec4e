import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { appendPack, encodePack, numberReading, type DevicePack } from '../../support/admitted-packs.ts';
import {
  createPersistGroups,
  createPersisting,
  createReadingsStore,
  persistAll,
  readBacklog,
} from '../../support/persisting.ts';
import { countRows, expectedRows, readStoredRows } from '../../support/stored-rows.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;
const ROUNDS = 8;

/** Twenty devices with five packs each of ten readings. */
function fleetPacks(): readonly DevicePack[] {
  return Array.from({ length: 100 }, (_, pack) => ({
    device: `dev-${pack % 20}`,
    readings: Array.from({ length: 10 }, (_, index) =>
      numberReading(`m${index % 3}`, NOW_US + pack * 1000 + index, pack + index / 10),
    ),
  }));
}

async function appendAll(stores: WorkerStores, packs: readonly DevicePack[]): Promise<void> {
  for (const pack of packs) await appendPack(stores.redis, pack);
}

async function assertStoredOnce(stores: WorkerStores, packs: readonly DevicePack[]): Promise<void> {
  for (const device of new Set(packs.map((pack) => pack.device))) {
    const readings = packs.filter((pack) => pack.device === device).flatMap((pack) => pack.readings);
    assert.deepEqual(await readStoredRows(stores.database, device), expectedRows(readings));
  }
  assert.deepEqual(await readBacklog(stores.redis), { unacknowledged: 0, unread: 0 });
}

function parsed(pack: DevicePack): AdmittedPack {
  const result = parseAdmittedPack(encodePack(pack));
  assert.ok(result !== undefined);
  return result;
}

/** What a worker does that dies after its read: the entries are its consumer's, and nobody acknowledges them. */
async function readAndDie(stores: WorkerStores): Promise<void> {
  const streams = Array.from({ length: SHARD_COUNT }, (_, shard) => redisKeys.readings(shard));
  const from = streams.map(() => '>');
  await stores.redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'STREAMS', ...streams, ...from);
}

test('entries that a dead worker had read are stored by the next one', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const packs = fleetPacks();
  await appendAll(stores, packs);
  await readAndDie(stores);
  assert.equal((await readBacklog(stores.redis)).unacknowledged, packs.length);
  await persistAll(createPersisting(stores).loop, stores.redis);
  await assertStoredOnce(stores, packs);
});

test('a crash between commit and acknowledgement stores nothing twice', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const packs = fleetPacks();
  await appendAll(stores, packs);
  await readAndDie(stores);
  const committed = await createReadingsStore(stores.database).store(packs.map(parsed));
  assert.equal(committed.stored, 1000);

  const { loop, metrics } = createPersisting(stores);
  await persistAll(loop, stores.redis);
  await assertStoredOnce(stores, packs);
  assert.match(await metrics.metrics(), /^persist_rows_total 0$/m);
  assert.match(await metrics.metrics(), /^persist_known_rows_total 1000$/m);
});

test('a device that sends its readings again changes nothing, not even with another value', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const packs = fleetPacks();
  await appendAll(stores, packs);
  await appendAll(stores, packs);
  await appendAll(
    stores,
    packs.map(({ device, readings }) => ({ device, readings: readings.map((one) => ({ ...one, value: -1 })) })),
  );
  await persistAll(createPersisting(stores).loop, stores.redis);
  await assertStoredOnce(stores, packs);
});

test('more unacknowledged entries than one read returns are stored before anything new is read', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const packs = fleetPacks();
  await appendAll(stores, packs.slice(0, 90));
  await readAndDie(stores);
  await appendAll(stores, packs.slice(90));
  await persistAll(createPersisting(stores, { readCount: 3, batchReadings: 25 }).loop, stores.redis);
  await assertStoredOnce(stores, packs);
});

test('two persist loops beside each other store everything once and do not deadlock', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const packs = fleetPacks();
  await appendAll(stores, packs);
  await readAndDie(stores);
  await appendAll(stores, [...packs].reverse());
  const loops = Array.from({ length: 2 }, () => createPersisting(stores, { readCount: 7, batchReadings: 60 }).loop);
  await Promise.all(loops.map((loop) => persistAll(loop, stores.redis)));
  await assertStoredOnce(stores, packs);
});

test('stores that are given the same readings in opposite order do not deadlock', async () => {
  await using stores = await openWorkerStores();
  const [forth, back] = [createReadingsStore(stores.database), createReadingsStore(stores.database)];
  for (let round = 0; round < ROUNDS; round += 1) {
    const packs = Array.from({ length: 50 }, (_, device) => {
      const timeUs = NOW_US + round * 1000;
      const readings = Array.from({ length: 100 }, (_, index) => numberReading('x', timeUs + index, index));
      return parsed({ device: `dev-${device}`, readings });
    });
    const results = await Promise.all([forth.store(packs), back.store([...packs].reverse())]);
    assert.equal(
      results.reduce((sum, { stored }) => sum + stored, 0),
      5000,
    );
  }
  assert.equal(await countRows(stores.database), 5000 * ROUNDS);
});
