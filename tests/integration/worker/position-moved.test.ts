import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseSecurityEvent, SECURITY_EVENT_FIELD, type SecurityEvent } from '../../../contracts/security-event.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { SecurityEventStore } from '../../../platform/postgres/security-event-store.ts';
import { appendPack, positionReadings } from '../../support/admitted-packs.ts';
import { createPersistGroups, createPersisting, persistAll, readDeadLetters } from '../../support/persisting.ts';
import { readPositions } from '../../support/stored-positions.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const HOUR_US = 3_600_000_000;
const HOUR_START_US = Math.floor((Date.now() * 1000) / HOUR_US) * HOUR_US;
/** On the equator, a degree of latitude is 110,574 m on the ellipsoid, and 111,195 m on a sphere. */
const HOME = { lat: 0, lon: 19 };
const METRES_PER_DEGREE = 110_574;

async function openHome(): Promise<WorkerStores> {
  const stores = await openWorkerStores();
  await createPersistGroups(stores.redis);
  await new RegistryStore(stores.database).registerDevices([
    deviceRegistration('fixed', { position: HOME }),
    deviceRegistration('other', { position: HOME }),
    deviceRegistration('mobile', { position: HOME, class: 'mobile' }),
    deviceRegistration('nowhere', { position: null }),
  ]);
  return stores;
}

/** The device says that it is so far north of where it was put. */
async function report(stores: WorkerStores, device: string, metres: number, receivedUs: number): Promise<void> {
  const readings = positionReadings(receivedUs - 1500, HOME.lat + metres / METRES_PER_DEGREE, HOME.lon);
  await appendPack(stores.redis, { device, readings, receivedUs });
}

async function readEvents(stores: WorkerStores): Promise<readonly SecurityEvent[]> {
  const entries = await stores.redis.xrange(redisKeys.securityEvents, '-', '+');
  return entries.map(([, fields]) => {
    const event = parseSecurityEvent(fields[fields.indexOf(SECURITY_EVENT_FIELD) + 1] ?? '');
    assert.ok(event !== undefined, 'an event that cannot be read');
    return event;
  });
}

test('a fixed device more than 1 km from where it was put is reported with the distance; others are not', async () => {
  await using stores = await openHome();
  await report(stores, 'fixed', 998, HOUR_START_US);
  await report(stores, 'other', -1002, HOUR_START_US + 1);
  await report(stores, 'mobile', 50_000, HOUR_START_US + 2);
  await report(stores, 'nowhere', 50_000, HOUR_START_US + 3);
  await report(stores, 'unregistered', 50_000, HOUR_START_US + 4);
  await persistAll(createPersisting(stores).loop, stores.redis);
  const [event, ...more] = await readEvents(stores);
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...event, id: '' },
    {
      id: '',
      at_ms: HOUR_START_US / 1000 - 2,
      kind: 'position-moved',
      device: 'other',
      address: null,
      code: null,
      actor: 'worker',
      detail: { distance_m: 1002 },
    },
  );
  assert.equal((await readPositions(stores.database)).length, 5);
  assert.deepEqual(await readDeadLetters(stores.redis), []);
});

test('a device that stays away is reported once an hour, and its position in the registry stays', async () => {
  await using stores = await openHome();
  const { loop } = createPersisting(stores);
  for (const minutes of [0, 1, 59, 60, 61, 125]) {
    await report(stores, 'fixed', 5000 + minutes, HOUR_START_US + minutes * 60e6);
    await persistAll(loop, stores.redis);
  }
  const events = await readEvents(stores);
  assert.deepEqual(
    events.map(({ detail }) => detail.distance_m),
    [5000, 5060, 5125],
  );
  assert.equal(new Set(events.map(({ id }) => id)).size, 3);
  const { rows } = await stores.database.query(
    `SELECT ST_Y(position::geometry) AS lat, ST_X(position::geometry) AS lon, position_at FROM devices WHERE id = 'fixed'`,
  );
  assert.deepEqual(rows, [{ ...HOME, position_at: null }]);
});

test('workers that do not know of each other, and a second delivery, report one event', async () => {
  await using stores = await openHome();
  for (const minutes of [1, 2, 3]) {
    await report(stores, 'fixed', 5000 + minutes, HOUR_START_US + minutes * 60e6);
    await persistAll(createPersisting(stores).loop, stores.redis);
  }
  const events = await readEvents(stores);
  assert.equal(events.length, 3);
  await new SecurityEventStore(stores.database).store(events);
  const { rows } = await stores.database.query('SELECT kind, device_id, detail FROM security_events');
  assert.deepEqual(rows, [{ kind: 'position-moved', device_id: 'fixed', detail: { distance_m: 5001 } }]);
});

test('an event that cannot be reported holds no pack up, and is reported when the device says so again', async () => {
  await using stores = await openHome();
  await stores.redis.set(redisKeys.securityEvents, 'not a stream');
  await report(stores, 'fixed', 5000, HOUR_START_US);
  const { loop } = createPersisting(stores);
  await persistAll(loop, stores.redis);
  assert.equal((await readPositions(stores.database)).length, 1);
  await stores.redis.del(redisKeys.securityEvents);
  await report(stores, 'fixed', 5000, HOUR_START_US + 10e6);
  await persistAll(loop, stores.redis);
  assert.equal((await readEvents(stores)).length, 1);
  assert.equal((await readPositions(stores.database)).length, 2);
});
