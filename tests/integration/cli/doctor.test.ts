import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { appendEntry, encodePack, numberReading } from '../../support/admitted-packs.ts';
import { startBrokerWithLogins } from '../../support/broker-with-logins.ts';
import { runTelltale } from '../../support/command-line.ts';
import { assertFinds, buildOtherTime, diagnose } from '../../support/doctor.ts';
import { eventually } from '../../support/eventually.ts';
import { installWithBinding } from '../../support/other-binding.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import type { ServiceSettings, TestService } from '../../support/process.ts';
import { startRedis } from '../../support/redis.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { startPostgres } from '../../support/restartable-postgres.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

let stores: WorkerStores;
let worker: TestService;
/** Of a platform to which nothing is wrong. */
let healthy: ServiceSettings;
before(async () => {
  stores = await openWorkerStores();
  worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  healthy = {
    REDIS_URL: stores.server.url,
    DATABASE_URL: stores.databaseUrl,
    TELLTALE_SHARDS: String(SHARD_COUNT),
    TELLTALE_BROADCASTER_PUBLIC: 'true',
  };
});
after(async () => {
  await worker[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

test('a platform to which nothing is wrong is well, one line a check, and the exit code says so', async () => {
  const { ok, checks } = await diagnose(healthy);
  assert.ok(ok, JSON.stringify(checks));
  assert.deepEqual(
    checks.map(({ level }) => level),
    checks.map(() => 'ok'),
  );
  const { code, stdout } = await runTelltale(['doctor'], healthy);
  assert.equal(code, 0);
  for (const line of stdout.trimEnd().split('\n')) assert.match(line, /^ok {7}\S/);
  assert.equal(stdout.trimEnd().split('\n').length, checks.length);
});

test('Redis is away, or refuses the login', async () => {
  await using server = await startRedis();
  await server.stop();
  assertFinds(await diagnose({ ...healthy, REDIS_URL: server.url }), 'redis', 'problem', {
    found: /does not answer: connect ECONNREFUSED/,
    fix: /start it, or correct REDIS_URL/,
  });
  const wrong = stores.server.url.replace(/:[^:@/]+@/, ':wrong@');
  assertFinds(await diagnose({ ...healthy, REDIS_URL: wrong }), 'redis', 'problem', {
    found: /refuses the login: WRONGPASS/,
    fix: /correct the user and the password in REDIS_URL/,
  });
});

test('a Redis that evicts and keeps no file', async () => {
  const set = (...args: [string, string]) => stores.redis.call('config', 'set', ...args);
  await set('maxmemory-policy', 'allkeys-lru');
  await set('appendonly', 'no');
  try {
    const diagnosis = await diagnose(healthy);
    assertFinds(diagnosis, 'redis-settings', 'problem', {
      found: /evicts keys \(maxmemory-policy allkeys-lru\)/,
      fix: /Set "maxmemory-policy noeviction"/,
    });
    assertFinds(diagnosis, 'redis-settings', 'problem', { found: /no append-only file/, fix: /Set "appendonly yes"/ });
    await set('maxmemory-policy', 'noeviction');
    await set('appendonly', 'yes');
    await set('appendfsync', 'everysec');
    const milder = await diagnose(healthy);
    assert.ok(milder.ok);
    assertFinds(milder, 'redis-settings', 'warning', { found: /does not sync each write/, fix: /appendfsync always/ });
  } finally {
    await set('maxmemory-policy', 'noeviction');
    await set('appendonly', 'yes');
    await set('appendfsync', 'always');
  }
});

test('the database is away, or refuses the login', async () => {
  await using server = await startPostgres();
  await server.stop();
  assertFinds(await diagnose({ ...healthy, DATABASE_URL: server.url }), 'database', 'problem', {
    found: /does not answer: connect ECONNREFUSED/,
    fix: /start it, or correct DATABASE_URL/,
  });
  const wrong = new URL(stores.databaseUrl);
  wrong.password = 'wrong';
  assertFinds(await diagnose({ ...healthy, DATABASE_URL: wrong.href }), 'database', 'problem', {
    found: /refuses the login/,
    fix: /correct DATABASE_URL/,
  });
});

test('a database without our tables, one of an older version, and one without PostGIS', async () => {
  const empty = new URL(stores.databaseUrl);
  empty.pathname = '/postgres';
  const bare = await diagnose({ ...healthy, DATABASE_URL: empty.href });
  assertFinds(bare, 'migrations', 'problem', { found: /has no tables of Telltale/, fix: /telltale migrate/ });
  assertFinds(bare, 'postgis', 'problem', {
    found: /PostGIS is not in this database/,
    fix: /CREATE EXTENSION postgis/,
  });

  await using database = await createTestDatabase();
  const admin = stores.openDatabase(database.url);
  await admin.query(`DELETE FROM schema_migrations WHERE name = '0011_dashboard_indexes'`);
  await admin.query('DROP EXTENSION postgis CASCADE');
  const older = await diagnose({ ...healthy, DATABASE_URL: database.url });
  assertFinds(older, 'migrations', 'problem', { found: /missing: 0011_dashboard_indexes/, fix: /telltale migrate/ });
  assertFinds(older, 'postgis', 'problem', { found: /PostGIS is not in/, fix: /CREATE EXTENSION postgis/ });
  await admin.query(
    `INSERT INTO schema_migrations (name, run_on) VALUES ('0011_dashboard_indexes', now()), ('9999_later', now())`,
  );
  assertFinds(await diagnose({ ...healthy, DATABASE_URL: database.url }), 'migrations', 'warning', {
    found: /newer version: 9999_later/,
    fix: /run the newest version/,
  });
});

test('a uWebSockets.js that is no native binding, and one that cannot be loaded', async () => {
  {
    await using foreign = await installWithBinding('module.exports = { App: () => ({}) };');
    assertFinds(await diagnose(healthy, foreign), 'binding', 'problem', {
      found: /is not the native binding/,
      fix: /npm ci.*glibc 2\.38/,
    });
  }
  await using broken = await installWithBinding(`throw new Error('This version needs another glibc')`);
  assertFinds(await diagnose(healthy, broken), 'binding', 'problem', {
    found: /cannot be loaded .*: This version needs another glibc/,
    fix: /npm ci/,
  });
});

test('our clock is further off than a device may be early', async () => {
  await using ahead = await buildOtherTime(45);
  const diagnosis = await diagnose({ ...healthy, ...ahead.environment });
  const fix = /by NTP/;
  assertFinds(diagnosis, 'redis-clock', 'problem', { found: /clock of Redis is 4[45]\.\d s behind ours/, fix });
  assertFinds(diagnosis, 'database-clock', 'problem', { found: /clock of the database is 4[45]\.\d s behind/, fix });
  await using little = await buildOtherTime(-5);
  const milder = await diagnose({ ...healthy, ...little.environment });
  assert.ok(milder.ok);
  assertFinds(milder, 'redis-clock', 'warning', { found: /Redis is [45]\.\d s ahead of ours/, fix });
});

test('dead letters wait', async () => {
  await appendEntry(stores.redis, 0, 'not a pack');
  await eventually(async () => assert.equal(await stores.redis.xlen(redisKeys.deadLetters(0)), 1));
  const diagnosis = await diagnose(healthy);
  assert.ok(diagnosis.ok);
  assertFinds(diagnosis, 'dead-letters', 'warning', { found: /^1 dead letters wait/, fix: /telltale dlq list/ });
});

test('the broker is away, or refuses the login', async () => {
  const broker = await startBrokerWithLogins(stores.databaseUrl);
  const url = new URL(broker.running.url);
  try {
    url.username = '_ingest';
    url.password = 'wrong';
    assertFinds(await diagnose({ ...healthy, MQTT_URL: url.href }), 'broker', 'problem', {
      found: /refuses the login of MQTT_URL/,
      fix: /correct user and password in MQTT_URL/,
    });
  } finally {
    await broker[Symbol.asyncDispose]();
  }
  assertFinds(await diagnose({ ...healthy, MQTT_URL: url.href }), 'broker', 'problem', {
    found: /does not answer: connect ECONNREFUSED/,
    fix: /start it, or correct MQTT_URL/,
  });
});

test('settings that no service starts with: another number of shards, an unknown name, and nobody who may listen', async () => {
  const { TELLTALE_BROADCASTER_PUBLIC: _public, ...closed } = healthy;
  const diagnosis = await diagnose({
    ...closed,
    TELLTALE_SHARDS: '8',
    TELLTALE_INGEST_PROT: '8080',
    TELLTALE_BROADCASTER_PORT: String(await findFreePort()),
  });
  assertFinds(diagnosis, 'shards', 'problem', {
    found: /data in 4 shards and TELLTALE_SHARDS is 8/,
    fix: /set TELLTALE_SHARDS=4/,
  });
  assertFinds(diagnosis, 'settings', 'problem', {
    found: /TELLTALE_INGEST_PROT is no setting/,
    fix: /did you mean TELLTALE_INGEST_PORT\?/,
  });
  assertFinds(diagnosis, 'settings', 'problem', {
    found: /nobody could listen/,
    fix: /TELLTALE_BROADCASTER_PUBLIC=true/,
  });
  assert.equal(diagnosis.checks.filter(({ check }) => check === 'settings').length, 2);
  const elsewhere = await diagnose(closed);
  assert.ok(elsewhere.ok);
  assertFinds(elsewhere, 'settings', 'warning', {
    found: /settings of the broadcaster are not here/,
    fix: /JWKS_PATH/,
  });
});

test('no worker runs: nobody stores, nobody leads, nobody tells the services what has changed', async () => {
  await worker[Symbol.asyncDispose]();
  const shard = shardOf('dev-1', SHARD_COUNT);
  await stores.redis.del(redisKeys.readings(shard));
  const pack = encodePack({ device: 'dev-1', readings: [numberReading('x', Date.now() * 1000, 1)] });
  await stores.redis.xadd(redisKeys.readings(shard), `${Date.now() - 300_000}-0`, 'pack', pack);
  await new RegistryStore(stores.database).registerDevices([deviceRegistration('dev-1')]);
  const diagnosis = await diagnose(healthy);
  assertFinds(diagnosis, 'leases', 'problem', { found: /no worker runs/, fix: /start a worker/ });
  assertFinds(diagnosis, 'backlog', 'problem', {
    found: /^1 packs wait to be stored, the oldest for 3\d\d s/,
    fix: /start a worker/,
  });
  assertFinds(diagnosis, 'projection', 'problem', {
    found: /the services know the registry at version \d+, and the database has it at \d+/,
    fix: /start a worker/,
  });

  // As after a worker that could take the shards and nothing else.
  for (let each = 0; each < SHARD_COUNT - 1; each += 1) {
    const lease = { owner: 'somebody', token: '1', until: String(Date.now() + 60_000) };
    await stores.redis.hset(redisKeys.lease(each), lease);
  }
  const partial = await diagnose(healthy);
  assertFinds(partial, 'leases', 'problem', { found: /^nobody works on the shards 3$/, fix: /logs of the workers/ });
  assertFinds(partial, 'leases', 'problem', { found: /nobody leads the association/, fix: /logs of the workers/ });
});
