import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { DeviceClocks } from '../../../services/worker/clocks/device-clocks.ts';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { PositionsStore } from '../../../services/worker/persist/positions-store.ts';
import { PositionFollower } from '../../../services/worker/project/position-follower.ts';
import { loadRegistryRows } from '../../../services/worker/project/registry-source.ts';
import { packOf, positionReadings } from '../../support/admitted-packs.ts';
import { openEmbeddedDatabase } from '../../support/embedded-database.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { readPositions } from '../../support/stored-positions.ts';

const NOW_US = Date.now() * 1000;

test('the embedded database keeps positions and clocks as PostgreSQL does', async () => {
  await using embedded = await openEmbeddedDatabase();
  const { database } = embedded;
  await new RegistryStore(database).registerDevices([
    deviceRegistration('fixed', { position: { lat: 0, lon: 19 } }),
    deviceRegistration('mobile', { class: 'mobile' }),
  ]);
  const packs = ['fixed', 'mobile'].map((device) => packOf({ device, readings: positionReadings(NOW_US, 0.1, 19, 7) }));
  const positions = new PositionsStore(database, new Partitions(database));
  const clocks = new DeviceClocks(database);
  for (let delivery = 0; delivery < 2; delivery += 1) {
    const [stray, ...others] = await positions.store(packs);
    assert.deepEqual([stray?.device, Math.round(stray?.distanceM ?? 0), others.length], ['fixed', 11_057, 0]);
    clocks.observe(packs);
    await clocks.flush();
  }
  assert.deepEqual(
    await readPositions(database),
    ['fixed', 'mobile'].map((device) => ({ device, timeUs: NOW_US, lat: 0.1, lon: 19, altM: 7 })),
  );
  await new PositionFollower(database).check();
  const { devices } = await loadRegistryRows(database, '0');
  assert.deepEqual(devices.get('fixed')?.position, { lat: 0, lon: 19, alt_m: null });
  assert.deepEqual(devices.get('mobile')?.position, { lat: 0.1, lon: 19, alt_m: 7 });
  const { rows } = await database.query('SELECT device_id, offset_ms, samples_ms FROM device_clocks ORDER BY 1');
  assert.deepEqual(
    rows,
    ['fixed', 'mobile'].map((device) => ({ device_id: device, offset_ms: 0, samples_ms: [0, 0] })),
  );
});
