import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pool } from 'pg';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { TrustStore, UnknownRegistration } from '../../../platform/postgres/trust-store.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { deviceRegistration, newApiKey } from '../../support/registrations.ts';

const log = createLogger('test', 'silent');
const TOKEN = {
  hash: Buffer.alloc(32, 1),
  deviceId: null,
  class: 'fixed',
  site: null,
  owner: null,
  position: null,
  ttlMs: 1000,
} as const;

async function withStore(use: (trust: TrustStore, database: Pool) => Promise<void>): Promise<void> {
  await using database = await createTestDatabase();
  const pool = openPostgres({ url: database.url, name: 'test', maxConnections: 2 }, log);
  try {
    await new RegistryStore(pool).registerDevices([deviceRegistration('dev-1', { apiKeys: [] })]);
    await use(new TrustStore(pool), pool);
  } finally {
    await pool.end();
  }
}

async function readVersions(database: Pool): Promise<{ version: string; trust: string }> {
  const sql = 'SELECT version::text, trust_version::text AS trust FROM registry_state';
  const [versions] = (await database.query<{ version: string; trust: string }>(sql)).rows;
  assert.ok(versions);
  return versions;
}

/** Seconds until each of the API keys expires, null for never, in the order of their making. */
async function readExpiries(database: Pool): Promise<readonly (number | null)[]> {
  const { rows } = await database.query<{ left: number | null }>(
    `SELECT round(extract(epoch FROM not_after - now()))::int AS left FROM api_keys ORDER BY registry_version DESC, created_at`,
  );
  return rows.map(({ left }) => left).sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
}

test('a rotation lets older API keys live for the overlap, and never longer than was said before', async () => {
  await withStore(async (trust, database) => {
    await trust.rotateApiKey('dev-1', newApiKey(), 0);
    assert.deepEqual(await readExpiries(database), [null]);
    await trust.rotateApiKey('dev-1', newApiKey(), 600_000);
    const [first, second] = await readExpiries(database);
    assert.ok(first !== null && first !== undefined && Math.abs(first - 600) <= 5);
    assert.equal(second, null);
    await trust.rotateApiKey('dev-1', newApiKey(), 3_600_000);
    const [oldest, middle, newest] = await readExpiries(database);
    assert.ok(Math.abs((oldest ?? 0) - 600) <= 5 && Math.abs((middle ?? 0) - 3600) <= 5);
    assert.equal(newest, null);
  });
});

test('what takes something away raises the trust version, and what gives something does not', async () => {
  await withStore(async (trust, database) => {
    const apiKey = newApiKey();
    const takes = [
      () => trust.rotateApiKey('dev-1', apiKey, 1000),
      () => trust.revokeApiKey(apiKey.id),
      () => trust.revokeKey('dev-1', '1'),
      () => trust.disableDevice('dev-1'),
    ];
    for (const take of takes) {
      const version = await take();
      assert.deepEqual(await readVersions(database), { version, trust: version });
    }
    const { trust: before } = await readVersions(database);
    for (const give of [() => trust.enableDevice('dev-1'), () => trust.addEnrolmentToken(TOKEN)]) {
      const version = await give();
      assert.deepEqual(await readVersions(database), { version, trust: before });
    }
  });
});

test('what is revoked again stays revoked since the first time', async () => {
  await withStore(async (trust, database) => {
    const apiKey = newApiKey();
    await trust.rotateApiKey('dev-1', apiKey, 0);
    await trust.revokeApiKey(apiKey.id);
    await trust.revokeKey('dev-1', '1');
    const sql = `SELECT (SELECT revoked_at::text FROM api_keys) AS api_key, (SELECT revoked_at::text FROM device_keys) AS key`;
    const { rows: before } = await database.query(sql);
    await trust.revokeApiKey(apiKey.id);
    await trust.revokeKey('dev-1', '1');
    assert.deepEqual((await database.query(sql)).rows, before);
  });
});

test('a name that nothing has is an error, and changes nothing', async () => {
  await withStore(async (trust, database) => {
    const before = await readVersions(database);
    for (const attempt of [
      () => trust.rotateApiKey('dev-2', newApiKey(), 0),
      () => trust.revokeApiKey('000000000000'),
      () => trust.revokeKey('dev-1', '2'),
      () => trust.revokeKey('dev-2', '1'),
      () => trust.disableDevice('dev-2'),
      () => trust.enableDevice('dev-2'),
      () => trust.addEnrolmentToken({ ...TOKEN, deviceId: 'dev-1' }),
    ]) {
      await assert.rejects(attempt, UnknownRegistration);
    }
    assert.deepEqual(await readVersions(database), before);
  });
});
