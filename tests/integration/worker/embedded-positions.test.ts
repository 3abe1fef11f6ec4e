import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgis } from '@electric-sql/pglite-postgis';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { EmbeddedDatabase } from '../../../scripts/dev-stack/embedded-database.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { DeviceClocks } from '../../../services/worker/clocks/device-clocks.ts';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { PositionsStore } from '../../../services/worker/persist/positions-store.ts';
import { PositionFollower } from '../../../services/worker/project/position-follower.ts';
import { loadRegistryRows } from '../../../services/worker/project/registry-source.ts';
import { encodePack, positionReadings } from '../../support/admitted-packs.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { readPositions } from '../../support/stored-positions.ts';

const NOW_US = Date.now() * 1000;

test('the embedded database keeps positions and clocks as PostgreSQL does', async () => {
  const db = new EmbeddedDatabase({ extensions: { postgis } });
  await db.waitReady;
  const port = await findFreePort();
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 8 });
  await server.start();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const database = openPostgres({ url, name: 'test', maxConnections: 2 }, createLogger('test', 'silent'));
  try {
    await migrate(url, () => undefined);
    await new RegistryStore(database).registerDevices([
      deviceRegistration('fixed', { position: { lat: 0, lon: 19 } }),
      deviceRegistration('mobile', { class: 'mobile' }),
    ]);
    const packs = ['fixed', 'mobile'].map((device) => {
      const pack = parseAdmittedPack(encodePack({ device, readings: positionReadings(NOW_US, 0.1, 19, 7) }));
      assert.ok(pack !== undefined);
      return pack;
    });
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
  } finally {
    await database.end();
    await server.stop();
    await db.close();
  }
});
