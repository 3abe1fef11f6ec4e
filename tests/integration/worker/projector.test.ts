import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { parseApiKeyRecord, parseRuleRecord } from '../../../contracts/registry.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { MetricDirectory } from '../../../services/worker/persist/metric-directory.ts';
import { encodePack, numberReading } from '../../support/admitted-packs.ts';
import { thresholdRule } from '../../support/detecting.ts';
import { changeRegistry, createProjector, readDevice } from '../../support/projecting.ts';
import { deviceRegistration, newApiKey, newDeviceKey } from '../../support/registrations.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const SQUARE = 'MULTIPOLYGON(((19 47, 20 47, 20 48, 19 48, 19 47)))';

test('devices, keys, API keys, positions, zones, rules and metrics are in Redis as the database has them', async () => {
  await using stores = await openWorkerStores();
  const store = new RegistryStore(stores.database);
  const keys = [newDeviceKey('1'), newDeviceKey('constructor'), newDeviceKey('a_-Z')];
  const apiKeys = [newApiKey(), newApiKey()];
  await changeRegistry(
    stores,
    `INSERT INTO zones (id, name, area, registry_version) VALUES ('pest', 'Pest', ST_GeomFromText($2, 4326), $1)`,
    SQUARE,
  );
  await store.registerDevices([
    deviceRegistration('urn:dev:1', {
      class: 'mobile',
      site: 'roof',
      owner: 'Ő',
      position: { lat: 47.123456789012, lon: 19.000000000001, altM: 104.5 },
      status: 'Exercise',
      tags: ['Ő', 'roof'],
      keys,
      apiKeys,
    }),
    deviceRegistration('plain', { position: null, keys: [], apiKeys: [] }),
  ]);
  await store.applyRules([thresholdRule(), thresholdRule({ id: 'off', enabled: false })]);
  const pack = parseAdmittedPack(
    encodePack({
      device: 'urn:dev:1',
      readings: [numberReading('x', 1, 1), numberReading('constructor', 1, 1, 'Cel')],
    }),
  );
  assert.ok(pack !== undefined);
  await new MetricDirectory(stores.database).learn([pack]);
  await createProjector(stores).check();

  const device = await readDevice(stores, 'urn:dev:1');
  const validity = { not_before_ms: null, not_after_ms: null, revoked_at_ms: null };
  assert.deepEqual(device, {
    id: 'urn:dev:1',
    class: 'mobile',
    disabled: false,
    site: 'roof',
    owner: 'Ő',
    position: { lat: 47.123456789012, lon: 19.000000000001, alt_m: 104.5 },
    zones: ['pest'],
    tags: ['Ő', 'roof'],
    status: 'Exercise',
    keys: new Map(
      [...keys]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, publicKey, thumbprint }) => {
          return [id, { public_key: Buffer.from(publicKey).toString('base64url'), thumbprint, ...validity }];
        }),
    ),
    metrics: new Map([
      ['x', 'm/s2'],
      ['constructor', 'Cel'],
    ]),
  });
  const plain = await readDevice(stores, 'plain');
  assert.deepEqual([plain?.position, plain?.zones, plain?.keys.size, plain?.metrics.size], [null, [], 0, 0]);
  for (const { id, hash } of apiKeys) {
    const record = parseApiKeyRecord((await stores.redis.hget(redisKeys.apiKeys, id)) ?? '');
    assert.deepEqual(record, { device: 'urn:dev:1', hash: Buffer.from(hash).toString('base64url'), ...validity });
  }
  const rules = (await stores.redis.hvals(redisKeys.rules)).map(parseRuleRecord);
  assert.deepEqual(
    rules.sort((a, b) => (a.id < b.id ? -1 : 1)),
    [thresholdRule({ id: 'off', enabled: false }), thresholdRule()],
  );
  assert.match(
    (await stores.redis.hget(redisKeys.zones, 'pest')) ?? '',
    /"type":"MultiPolygon".*\[\[\[\[19,47\],\[20,47\]/,
  );
});

test('updates and revocations reach Redis, with the version announced after them and only going up', async () => {
  await using stores = await openWorkerStores();
  const store = new RegistryStore(stores.database);
  const projector = createProjector(stores);
  const announced: string[] = [];
  const subscriber = stores.openSubscriber('test-subscriber');
  subscriber.on('message', (_channel, version) => announced.push(version));
  await subscriber.subscribe(redisChannels.registryChanged);
  const registration = deviceRegistration('dev-1');
  await store.registerDevices([registration, deviceRegistration('dev-2')]);
  await projector.check();
  const untouched = await stores.redis.hget(redisKeys.devices, 'dev-2');

  await store.registerDevices([{ ...registration, position: { lat: -33.4, lon: -70.6 } }]);
  await projector.check();
  assert.deepEqual((await readDevice(stores, 'dev-1'))?.position, { lat: -33.4, lon: -70.6, alt_m: null });

  await changeRegistry(
    stores,
    `WITH k AS (UPDATE device_keys SET revoked_at = '2026-01-02T03:04:05.678Z', not_after = '2030-01-01T00:00:00Z' WHERE device_id = 'dev-1')
    UPDATE devices SET registry_version = $1, disabled = true WHERE id = 'dev-1'`,
  );
  await changeRegistry(
    stores,
    `UPDATE api_keys SET registry_version = $1, revoked_at = '2026-01-02T03:04:05.678Z' WHERE device_id = 'dev-1'`,
  );
  await store.applyRules([thresholdRule()]);
  await store.applyRules([thresholdRule({ limit: 20 })]);
  await projector.check();
  const revokedMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const device = await readDevice(stores, 'dev-1');
  assert.equal(device?.disabled, true);
  assert.equal(device.keys.get('1')?.revoked_at_ms, revokedMs);
  assert.equal(device.keys.get('1')?.not_after_ms, Date.UTC(2030, 0, 1));
  const apiKeyId = registration.apiKeys[0]?.id ?? '';
  assert.equal(
    parseApiKeyRecord((await stores.redis.hget(redisKeys.apiKeys, apiKeyId)) ?? '').revoked_at_ms,
    revokedMs,
  );
  const rule = parseRuleRecord((await stores.redis.hget(redisKeys.rules, 'strong-motion')) ?? '');
  assert.deepEqual(rule, thresholdRule({ version: 2, limit: 20 }));
  assert.equal(await stores.redis.hget(redisKeys.devices, 'dev-2'), untouched);

  await projector.check();
  const versions = announced.map(Number);
  assert.deepEqual(
    versions,
    [...new Set(versions)].sort((a, b) => a - b),
  );
  assert.equal(versions.length, 3);
  assert.equal(await stores.redis.get(redisKeys.registryVersion), announced.at(-1));
});

test('a zone that is drawn, redrawn or removed changes the zones of its devices', async () => {
  await using stores = await openWorkerStores();
  const projector = createProjector(stores);
  const zonesOf = async (id: string): Promise<readonly string[] | undefined> => {
    await projector.check();
    return (await readDevice(stores, id))?.zones;
  };
  await new RegistryStore(stores.database).registerDevices([
    deviceRegistration('in'),
    deviceRegistration('out', { position: { lat: 0, lon: 0 } }),
  ]);
  assert.deepEqual(await zonesOf('in'), []);
  await changeRegistry(
    stores,
    `INSERT INTO zones (id, name, area, registry_version) VALUES ('pest', 'Pest', ST_GeomFromText($2, 4326), $1)`,
    SQUARE,
  );
  assert.deepEqual(await zonesOf('in'), ['pest']);
  assert.deepEqual(await zonesOf('out'), []);
  await changeRegistry(stores, `UPDATE zones SET area = ST_Translate(area, -19.5, -47.5), registry_version = $1`);
  assert.deepEqual(await zonesOf('in'), []);
  assert.deepEqual(await zonesOf('out'), ['pest']);
  await changeRegistry(stores, `DELETE FROM zones WHERE $1::bigint > 0`);
  assert.deepEqual(await zonesOf('out'), []);
  assert.equal(await stores.redis.exists(redisKeys.zones), 0);
});
