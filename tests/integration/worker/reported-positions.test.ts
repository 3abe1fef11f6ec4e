import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distanceM } from '../../../core/geo/position.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { eventually } from '../../support/eventually.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { startProgram } from '../../support/process.ts';
import { readDevice } from '../../support/projecting.ts';
import { send } from '../../support/raw-http.ts';
import { startIngestHere } from '../../support/running-ingest.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { readPositions } from '../../support/stored-positions.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const HOME = { lat: 47.5, lon: 19.04 };
const AWAY = { lat: 48.2, lon: 16.37, alt_m: 150 };
const BEHIND_S = 20;

test('what signed devices say of their place and their time reaches the registry, the operators and nobody twice', async () => {
  await using stores = await openWorkerStores();
  const [mobile, fixed] = [new SignedDevice('mobile'), new SignedDevice('fixed')];
  await new RegistryStore(stores.database).registerDevices([
    { ...mobile.registration(), class: 'mobile', position: HOME },
    { ...fixed.registration(), position: HOME },
  ]);
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200));
  await using ingest = await startIngestHere(stores.server.url);

  const createdS = Math.floor(Date.now() / 1000) - BEHIND_S;
  const records = [
    { n: 'lat', u: 'lat', v: AWAY.lat },
    { n: 'lon', u: 'lon', v: AWAY.lon },
    { n: 'alt', u: 'm', v: AWAY.alt_m },
  ];
  for (const device of [mobile, fixed]) {
    const request = device.request({ body: JSON.stringify(records), createdS });
    await eventually(async () => assertAccepted(await send(ingest.port, request), 3));
    assertProblem(await send(ingest.port, request), 409, 'replay-detected');
  }
  const { lat, lon, alt_m: altM } = AWAY;
  await eventually(async () => {
    assert.deepEqual(
      await readPositions(stores.database),
      ['fixed', 'mobile'].map((device) => ({ device, timeUs: createdS * 1e6, lat, lon, altM })),
    );
  });
  await eventually(async () => {
    const { rows } = await stores.database.query<{ device: string; distance: number }>(
      `SELECT device_id AS device, (detail->>'distance_m')::float8 AS distance FROM security_events
       WHERE kind = 'position-moved'`,
    );
    assert.deepEqual(
      rows.map(({ device }) => device),
      ['fixed'],
    );
    // The database measures on the ellipsoid, this on the sphere.
    const ratio = (rows[0]?.distance ?? 0) / distanceM(HOME, AWAY);
    assert.ok(Math.abs(ratio - 1) < 0.006, `${ratio}`);
  });
  await eventually(async () => {
    assert.deepEqual((await readDevice(stores, 'mobile'))?.position, AWAY);
  }, 20_000);
  assert.deepEqual((await readDevice(stores, 'fixed'))?.position, { ...HOME, alt_m: null });

  await eventually(async () => {
    const settings = { DATABASE_URL: stores.databaseUrl };
    await using admin = await startProgram('scripts/admin.js', ['devices', 'clocks', '--count', '1'], settings);
    const { code } = await admin.running.exited;
    const [offsetMs, lowestMs, highestMs, envelopes] = admin.running.result.split(/ +/).map(Number);
    assert.equal(code, 0);
    assert.ok(offsetMs !== undefined, 'no clock is known');
    assert.ok(offsetMs >= BEHIND_S * 1000 && offsetMs < (BEHIND_S + 8) * 1000, `${offsetMs} ms`);
    assert.deepEqual([lowestMs, highestMs, envelopes], [offsetMs, offsetMs, 1]);
  }, 20_000);
});
