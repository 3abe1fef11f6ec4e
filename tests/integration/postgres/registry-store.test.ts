import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pool } from 'pg';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistrationConflict, RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { thresholdRule } from '../../support/detecting.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { deviceRegistration, newApiKey, newDeviceKey } from '../../support/registrations.ts';

const log = createLogger('test', 'silent');

async function withStore(use: (store: RegistryStore, database: Pool) => Promise<void>): Promise<void> {
  await using database = await createTestDatabase();
  const pool = openPostgres({ url: database.url, name: 'test', maxConnections: 4 }, log);
  try {
    await use(new RegistryStore(pool), pool);
  } finally {
    await pool.end();
  }
}

/** Everything that the registry holds, for comparing before and after. */
async function readRegistry(database: Pool): Promise<unknown> {
  const { rows } = await database.query(
    `SELECT (SELECT version FROM registry_state) AS version,
       (SELECT json_agg(d ORDER BY d.id) FROM devices d) AS devices,
       (SELECT json_agg(k ORDER BY k.device_id, k.key_id) FROM device_keys k) AS keys,
       (SELECT json_agg(a ORDER BY a.id) FROM api_keys a) AS api_keys,
       (SELECT json_agg(r ORDER BY r.id, r.version) FROM rules r) AS rules`,
  );
  return rows;
}

test('the same registration twice changes nothing but the version, and a new position only the position', async () => {
  await withStore(async (store, database) => {
    const registration = deviceRegistration('dev-1', { site: 'roof', owner: 'me' });
    assert.equal(await store.registerDevices([registration]), '2');
    assert.equal(await store.registerDevices([registration]), '3');
    assert.equal(await store.registerDevices([{ ...registration, position: null }]), '4');
    const moved = { ...registration, position: { lat: -90, lon: 180, altM: -12.5 } };
    assert.equal(await store.registerDevices([moved]), '5');
    const { rows } = await database.query(
      `SELECT id, site, owner, ST_AsText(position) AS position, altitude_m,
              (SELECT count(*)::int FROM device_keys) AS keys, (SELECT count(*)::int FROM api_keys) AS api_keys
       FROM devices`,
    );
    assert.deepEqual(rows, [
      { id: 'dev-1', site: 'roof', owner: 'me', position: 'POINT(180 -90)', altitude_m: -12.5, keys: 1, api_keys: 1 },
    ]);
  });
});

test('a device takes a second key and a second API key', async () => {
  await withStore(async (store, database) => {
    await store.registerDevices([deviceRegistration('dev-1')]);
    await store.registerDevices([deviceRegistration('dev-1', { keys: [newDeviceKey('2')] })]);
    const { rows } = await database.query('SELECT key_id FROM device_keys ORDER BY key_id');
    assert.deepEqual(rows, [{ key_id: '1' }, { key_id: '2' }]);
    assert.equal((await database.query('SELECT 1 FROM api_keys')).rowCount, 2);
  });
});

const known = deviceRegistration('known');
const knownKey = known.keys[0] ?? newDeviceKey('1');
const knownApiKey = known.apiKeys[0] ?? newApiKey();

const contradictions = [
  { what: 'another key under a known key id', device: deviceRegistration('known', { keys: [newDeviceKey('1')] }) },
  {
    what: 'a known key under another key id',
    device: deviceRegistration('known', { keys: [{ ...knownKey, id: '2' }] }),
  },
  { what: 'the key of another device', device: deviceRegistration('thief', { keys: [knownKey] }) },
  { what: 'the API key of another device', device: deviceRegistration('thief', { apiKeys: [knownApiKey] }) },
  {
    what: 'another secret under a known API key id',
    device: deviceRegistration('known', { keys: [], apiKeys: [{ ...newApiKey(), id: knownApiKey.id }] }),
  },
];

for (const { what, device } of contradictions) {
  test(`a registration with ${what} is a conflict, and nothing of its batch is kept`, async () => {
    await withStore(async (store, database) => {
      await store.registerDevices([known]);
      const before = await readRegistry(database);
      const batch = [deviceRegistration('innocent'), device, deviceRegistration('after')];
      await assert.rejects(store.registerDevices(batch), RegistrationConflict);
      assert.deepEqual(await readRegistry(database), before);
    });
  });
}

const invalid = [
  {
    what: 'a public key that is too short',
    device: deviceRegistration('bad', { keys: [{ ...knownKey, publicKey: knownKey.publicKey.subarray(0, 64) }] }),
  },
  { what: 'an id that is no device id', device: deviceRegistration('no/slash') },
  { what: 'a key id that is none', device: deviceRegistration('bad', { keys: [newDeviceKey('a b')] }) },
  {
    what: 'an API key hash that is none',
    device: deviceRegistration('bad', { apiKeys: [{ id: 'x', hash: Buffer.alloc(31) }] }),
  },
  { what: 'a latitude beyond the pole', device: deviceRegistration('bad', { position: { lat: 90.5, lon: 0 } }) },
  {
    what: 'a longitude beyond the antimeridian',
    device: deviceRegistration('bad', { position: { lat: 0, lon: 181 } }),
  },
  {
    what: 'a position that is not a number',
    device: deviceRegistration('bad', { position: { lat: Number.NaN, lon: 0 } }),
  },
];

for (const { what, device } of invalid) {
  test(`a registration with ${what} is refused, and nothing of its batch is kept`, async () => {
    await withStore(async (store, database) => {
      const before = await readRegistry(database);
      await assert.rejects(store.registerDevices([deviceRegistration('innocent'), device]));
      assert.deepEqual(await readRegistry(database), before);
    });
  });
}

test('registrations of one device that race keep one of the keys', async () => {
  await withStore(async (store, database) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => store.registerDevices([deviceRegistration('dev-1')])),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.equal(refused.length, 3);
    for (const { reason } of refused) assert.ok(reason instanceof RegistrationConflict);
    assert.equal((await database.query('SELECT 1 FROM device_keys')).rowCount, 1);
  });
});

test('a rule gets a new version when it says something new, and only then', async () => {
  await withStore(async (store, database) => {
    const versions = async (): Promise<unknown> =>
      (
        await database.query(
          `SELECT id, version, enabled, definition->>'limit' AS "limit" FROM rules ORDER BY id, version`,
        )
      ).rows;
    await store.applyRules([thresholdRule({ version: 99 })]);
    await store.applyRules([thresholdRule({ version: 7 })]);
    assert.deepEqual(await versions(), [{ id: 'strong-motion', version: 1, enabled: true, limit: '10' }]);
    await store.applyRules([thresholdRule({ limit: 20 }), thresholdRule({ id: 'other', enabled: false })]);
    await store.applyRules([thresholdRule({ limit: 20, enabled: false })]);
    await store.applyRules([thresholdRule()]);
    assert.deepEqual(await versions(), [
      { id: 'other', version: 1, enabled: false, limit: '10' },
      { id: 'strong-motion', version: 1, enabled: true, limit: '10' },
      { id: 'strong-motion', version: 2, enabled: true, limit: '20' },
      { id: 'strong-motion', version: 3, enabled: false, limit: '20' },
      { id: 'strong-motion', version: 4, enabled: true, limit: '10' },
    ]);
  });
});

test('rules that several operators apply at once are all there, each version once', async () => {
  await withStore(async (store, database) => {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => store.applyRules([thresholdRule({ limit: 100 + index })])),
    );
    const { rows } = await database.query<{ version: number }>('SELECT version FROM rules ORDER BY version');
    assert.deepEqual(
      rows.map(({ version }) => version),
      Array.from({ length: 10 }, (_, index) => index + 1),
    );
  });
});

for (const [what, wkt] of [
  ['crosses itself', 'MULTIPOLYGON(((0 0, 2 2, 2 0, 0 2, 0 0)))'],
  ['is not closed', 'MULTIPOLYGON(((0 0, 2 0, 2 2, 0 2)))'],
  ['is a point', 'POINT(0 0)'],
  ['has parts that overlap', 'MULTIPOLYGON(((0 0, 2 0, 2 2, 0 2, 0 0)), ((1 1, 3 1, 3 3, 1 3, 1 1)))'],
] as const) {
  test(`a zone that ${what} is refused`, async () => {
    await withStore(async (_store, database) => {
      const insert = `INSERT INTO zones (id, name, area, registry_version) VALUES ('z', 'Z', ST_GeomFromText($1, 4326), 2)`;
      await assert.rejects(database.query(insert, [wkt]));
      await database.query(insert, [
        'MULTIPOLYGON(((0 0, 2 0, 2 2, 0 2, 0 0), (0.5 0.5, 1 0.5, 1 1, 0.5 1, 0.5 0.5)))',
      ]);
    });
  });
}
