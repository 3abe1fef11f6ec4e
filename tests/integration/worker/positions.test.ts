import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { PositionsStore } from '../../../services/worker/persist/positions-store.ts';
import {
  appendPack,
  encodePack,
  metricName,
  numberReading,
  positionReadings,
  type DevicePack,
} from '../../support/admitted-packs.ts';
import { createPersistGroups, createPersisting, persistAll, readDeadLetters } from '../../support/persisting.ts';
import { readNewestPositions, readPositions, type StoredPosition } from '../../support/stored-positions.ts';
import { countRows } from '../../support/stored-rows.ts';
import { openWorkerStores, SHARD_COUNT } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;
const ROUNDS = 8;

interface Journey {
  readonly packs: readonly DevicePack[];
  readonly positions: readonly StoredPosition[];
}

/** Ten devices with five packs each of four positions, a second apart. */
function journeyOfTen(): Journey {
  const positions: StoredPosition[] = [];
  const packs: DevicePack[] = [];
  for (let device = 0; device < 10; device += 1) {
    for (let pack = 0; pack < 5; pack += 1) {
      const there = Array.from({ length: 4 }, (_, index): StoredPosition => {
        const second = pack * 4 + index;
        const altM = second % 2 === 0 ? second / 10 : null;
        const timeUs = NOW_US + second * 1e6 + device;
        return { device: `dev-${device}`, timeUs, lat: device + second / 1e9, lon: 100 - second, altM };
      });
      positions.push(...there);
      const readings = there.flatMap(({ timeUs, lat, lon, altM }) =>
        positionReadings(timeUs, lat, lon, altM ?? undefined),
      );
      packs.push({ device: `dev-${device}`, readings });
    }
  }
  return { packs, positions };
}

function parsed(pack: DevicePack): AdmittedPack {
  const result = parseAdmittedPack(encodePack(pack));
  assert.ok(result !== undefined);
  return result;
}

test('positions are stored once and to the last digit, however often their packs are delivered', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { packs, positions } = journeyOfTen();
  for (const pack of [...packs, ...packs.slice(0, 20)]) await appendPack(stores.redis, pack);
  // A worker that dies after its read, and one that dies between its commit and its acknowledgement.
  const streams = Array.from({ length: SHARD_COUNT }, (_, shard) => redisKeys.readings(shard));
  const from = streams.map(() => '>');
  await stores.redis.xreadgroup('GROUP', consumerGroups.persist, 'shard', 'STREAMS', ...streams, ...from);
  await new PositionsStore(stores.database, new Partitions(stores.database)).store(packs.slice(10, 30).map(parsed));
  const loops = Array.from({ length: 2 }, () => createPersisting(stores, { readCount: 7, batchReadings: 30 }).loop);
  await Promise.all(loops.map((loop) => persistAll(loop, stores.redis)));

  assert.deepEqual(await readPositions(stores.database), positions);
  const newest = Array.from({ length: 10 }, (_, device) => positions[device * 20 + 19]);
  assert.deepEqual(await readNewestPositions(stores.database), newest);
  // They are readings as well: two for each, and one more where there is an altitude.
  assert.equal(await countRows(stores.database), positions.length * 2.5);
});

test('a position of several days ago is in the partition of its day, and leaves the newest where it is', async () => {
  await using stores = await openWorkerStores();
  const store = new PositionsStore(stores.database, new Partitions(stores.database));
  const before = NOW_US - 6 * 86_400_000_000;
  await store.store([parsed({ device: 'dev-1', readings: positionReadings(NOW_US, 1, 1) })]);
  await store.store([parsed({ device: 'dev-1', readings: positionReadings(before, 2, 2) })]);
  const { rows } = await stores.database.query<{ partition: string }>(
    'SELECT tableoid::regclass::text AS partition FROM device_positions ORDER BY time',
  );
  const days = [before, NOW_US].map((us) => new Date(us / 1000).toISOString().slice(0, 10).replaceAll('-', ''));
  assert.deepEqual(
    rows.map(({ partition }) => partition),
    days.map((day) => `device_positions_p${day}`),
  );
  assert.deepEqual(
    (await readNewestPositions(stores.database)).map(({ timeUs, lat }) => [timeUs, lat]),
    [[NOW_US, 1]],
  );
});

test('the first of two positions for one time stays, also as the newest', async () => {
  await using stores = await openWorkerStores();
  const store = new PositionsStore(stores.database, new Partitions(stores.database));
  const at = (lat: number) => parsed({ device: 'dev-1', readings: positionReadings(NOW_US, lat, 0) });
  await store.store([at(1), at(2)]);
  await store.store([at(3)]);
  assert.deepEqual(
    [...(await readPositions(stores.database)), ...(await readNewestPositions(stores.database))].map(({ lat }) => lat),
    [1, 1],
  );
});

test('a pack that is buried leaves no position behind', async () => {
  await using stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  const { loop } = createPersisting(stores);
  await appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', NOW_US, 1, 'Cel')] });
  await persistAll(loop, stores.redis);
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [...positionReadings(NOW_US, 1, 1), numberReading('x', NOW_US + 1, 1, 'm')],
  });
  await appendPack(stores.redis, {
    device: 'dev-1',
    readings: [{ metric: metricName('x'), timeUs: NOW_US + 2, unit: 'Cel', value: 1 }],
  });
  await persistAll(loop, stores.redis);
  assert.deepEqual(
    (await readDeadLetters(stores.redis)).map(({ reason }) => reason),
    ['unit-conflict'],
  );
  assert.deepEqual(await readPositions(stores.database), []);
  assert.deepEqual(await readNewestPositions(stores.database), []);
});

test('stores that are given the same positions in opposite order do not deadlock', async () => {
  await using stores = await openWorkerStores();
  const [forth, back] = [0, 1].map(() => new PositionsStore(stores.database, new Partitions(stores.database)));
  assert.ok(forth !== undefined && back !== undefined);
  for (let round = 0; round < ROUNDS; round += 1) {
    const packs = Array.from({ length: 50 }, (_, device) => {
      const readings = Array.from({ length: 100 }, (_, index) =>
        positionReadings(NOW_US + round * 1000 + index, index / 2, device),
      );
      return parsed({ device: `dev-${device}`, readings: readings.flat() });
    });
    await Promise.all([forth.store(packs), back.store([...packs].reverse())]);
  }
  assert.equal((await readPositions(stores.database)).length, 5000 * ROUNDS);
});
