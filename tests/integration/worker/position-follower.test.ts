import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { PositionsStore } from '../../../services/worker/persist/positions-store.ts';
import { PositionFollower } from '../../../services/worker/project/position-follower.ts';
import { loadRegistryVersions } from '../../../services/worker/project/registry-source.ts';
import { encodePack, positionReadings } from '../../support/admitted-packs.ts';
import { changeRegistry, createProjector, projectNow, readDevice } from '../../support/projecting.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;
const START = { lat: 47.5, lon: 19.04, alt_m: null };
const SQUARE = 'MULTIPOLYGON(((29 47, 30 47, 30 48, 29 48, 29 47)))';

/** A registry with one fixed and one mobile device. `report` and `follow` answer where the registry then has a device. */
async function openJourney(stores: WorkerStores) {
  const registry = new RegistryStore(stores.database);
  const mobile = deviceRegistration('mobile', { class: 'mobile' });
  await registry.registerDevices([deviceRegistration('fixed'), mobile]);
  const positions = new PositionsStore(stores.database, new Partitions(stores.database));
  const follower = new PositionFollower(stores.database);
  const projector = createProjector(stores);
  const where = async (device: string) => {
    await projectNow(stores, projector);
    return (await readDevice(stores, device))?.position;
  };
  return {
    registry,
    mobile,
    where,
    follower,
    report: async (device: string, ...position: Parameters<typeof positionReadings>) => {
      const pack = parseAdmittedPack(encodePack({ device, readings: positionReadings(...position) }));
      assert.ok(pack !== undefined);
      await positions.store([pack]);
      await follower.check();
      return await where(device);
    },
  };
}

test('a mobile device is where it said last, by its own clock and never back; a fixed one is where it was put', async () => {
  await using stores = await openWorkerStores();
  const { report } = await openJourney(stores);
  assert.deepEqual(await report('mobile', NOW_US, 47.6, 19.1, 120), { lat: 47.6, lon: 19.1, alt_m: 120 });
  assert.deepEqual(await report('mobile', NOW_US - 1, 10, 10), { lat: 47.6, lon: 19.1, alt_m: 120 });
  assert.deepEqual(await report('mobile', NOW_US, 11, 11), { lat: 47.6, lon: 19.1, alt_m: 120 });
  assert.deepEqual(await report('mobile', NOW_US + 1, -33.4, -180), { lat: -33.4, lon: -180, alt_m: null });
  assert.deepEqual(await report('fixed', NOW_US, 47.6, 19.1, 120), START);
});

test('the zones of a mobile device move with it', async () => {
  await using stores = await openWorkerStores();
  const { report } = await openJourney(stores);
  await changeRegistry(
    stores,
    `INSERT INTO zones (id, name, area, registry_version) VALUES ('east', 'East', ST_GeomFromText($2, 4326), $1)`,
    SQUARE,
  );
  await report('mobile', NOW_US, 47.5, 29.5);
  assert.deepEqual((await readDevice(stores, 'mobile'))?.zones, ['east']);
  await report('mobile', NOW_US + 1, 47.5, 30.5);
  assert.deepEqual((await readDevice(stores, 'mobile'))?.zones, []);
});

test('a fleet at rest does not move the version of the registry, and all that moved are one change', async () => {
  await using stores = await openWorkerStores();
  const { registry, report, follower } = await openJourney(stores);
  await registry.registerDevices(
    Array.from({ length: 20 }, (_, index) => deviceRegistration(`car-${index}`, { class: 'mobile' })),
  );
  await report('mobile', NOW_US, 1, 1);
  await report('fixed', NOW_US, 1, 1);
  const version = async () => Number((await loadRegistryVersions(stores.database)).version);
  const trust = (await loadRegistryVersions(stores.database)).trust;
  const before = await version();
  await follower.check();
  assert.equal(await version(), before);

  const positions = new PositionsStore(stores.database, new Partitions(stores.database));
  const packs = Array.from({ length: 20 }, (_, index) =>
    parseAdmittedPack(encodePack({ device: `car-${index}`, readings: positionReadings(NOW_US, index, index) })),
  );
  await positions.store(packs.filter((pack) => pack !== undefined));
  await follower.check();
  assert.equal(await version(), before + 1);
  // Where a device is changes nothing of what it may do: no envelope is judged again for it.
  assert.equal((await loadRegistryVersions(stores.database)).trust, trust);
});

test('registering a mobile device again does not put it back', async () => {
  await using stores = await openWorkerStores();
  const { registry, mobile, report, where } = await openJourney(stores);
  const elsewhere = { ...mobile, position: { lat: 1, lon: 2 } };
  await registry.registerDevices([elsewhere]);
  assert.deepEqual(await where('mobile'), { lat: 1, lon: 2, alt_m: null });
  await report('mobile', NOW_US, 3, 4);
  await registry.registerDevices([elsewhere]);
  assert.deepEqual(await where('mobile'), { lat: 3, lon: 4, alt_m: null });
});

test('two workers that follow at once, while an operator writes, lose nothing', async () => {
  await using stores = await openWorkerStores();
  const { registry, mobile, report, where } = await openJourney(stores);
  const others = Array.from({ length: 2 }, () => new PositionFollower(stores.openDatabase(stores.databaseUrl)));
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([
      report('mobile', NOW_US + round, round, round),
      registry.registerDevices([mobile]),
      ...others.map((other) => other.check()),
    ]);
  }
  assert.deepEqual(await where('mobile'), { lat: 9, lon: 9, alt_m: null });
});
