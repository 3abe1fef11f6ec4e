import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { SecurityEvent } from '../../../contracts/security-event.ts';
import { SecurityEventStore } from '../../../platform/postgres/security-event-store.ts';
import { appendSecurityEvents } from '../../../platform/redis/append-security-events.ts';
import { StoreSecurityEventsLoop } from '../../../services/worker/security/store-security-events-loop.ts';
import { securityEvent } from '../../support/security-events.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';
import { TOKEN } from '../../support/held.ts';
import { unheardObservers } from '../../support/worker-observers.ts';

const { securityEvents } = redisKeys;
const { storeSecurityEvents: group } = consumerGroups;

async function startStoring(stores: WorkerStores): Promise<StoreSecurityEventsLoop> {
  await stores.redis.xgroup('CREATE', securityEvents, group, '0', 'MKSTREAM').catch(() => undefined);
  const connections = { reader: stores.openRedis('test-security'), redis: stores.redis };
  return new StoreSecurityEventsLoop(connections, new SecurityEventStore(stores.database), unheardObservers());
}

/** The first pass asks for what was left unacknowledged, the second for what is new. */
async function storeAll(loop: StoreSecurityEventsLoop): Promise<void> {
  await loop.pass(TOKEN);
  await loop.pass(TOKEN);
}

async function readStored(stores: WorkerStores): Promise<readonly SecurityEvent[]> {
  const { rows } = await stores.database.query<SecurityEvent>(
    `SELECT id::text, (extract(epoch FROM at) * 1000)::float8 AS at_ms, kind, device_id AS device,
            address::text, code, actor, detail
     FROM security_events ORDER BY at, id`,
  );
  return rows;
}

async function countUnacknowledged(stores: WorkerStores): Promise<number> {
  const [count] = await stores.redis.xpending(securityEvents, group);
  return Number(count);
}

test('an event is stored as it was reported, from every kind of address and from none', async () => {
  await using stores = await openWorkerStores();
  const loop = await startStoring(stores);
  const events = [
    securityEvent({ at_ms: 1, address: '2001:db8:1:2::/64' }),
    securityEvent({ at_ms: 2, kind: 'api-key-unknown', device: null, code: 'unauthorized', address: '::1' }),
    securityEvent({ at_ms: 3, kind: 'operator-blocked', device: null, address: '10.0.0.0/8', actor: 'operator' }),
    securityEvent({ at_ms: 4, kind: 'position-moved', address: null, code: null, detail: { distance_m: 1234.5 } }),
  ];
  await appendSecurityEvents(stores.redis, events);
  await storeAll(loop);
  const asText = events.map((event) => ({ ...event, address: event.address === '::1' ? '::1/128' : event.address }));
  assert.deepEqual(await readStored(stores), asText);
  assert.equal(await countUnacknowledged(stores), 0);
});

test('events that are reported twice, or delivered again by a dead worker or by two at once, are stored once', async () => {
  await using stores = await openWorkerStores();
  const first = await startStoring(stores);
  const second = await startStoring(stores);
  const events = Array.from({ length: 40 }, (_, index) => securityEvent({ at_ms: index, address: '192.0.2.7/32' }));
  await appendSecurityEvents(stores.redis, [...events, ...events]);
  await new SecurityEventStore(stores.database).store(events.slice(0, 10));
  await stores.redis.xreadgroup('GROUP', group, 'worker', 'STREAMS', securityEvents, '>');
  await Promise.all([storeAll(first), storeAll(second)]);
  assert.equal((await readStored(stores)).length, 40);
  assert.equal(await countUnacknowledged(stores), 0);
});

test('what is no event is skipped and holds nothing up, nor does what was dropped before it was stored', async () => {
  await using stores = await openWorkerStores();
  const loop = await startStoring(stores);
  const broken = [
    'no JSON',
    JSON.stringify({ ...securityEvent(), address: "1.2.3.4'; DROP TABLE devices" }),
    JSON.stringify({ ...securityEvent(), address: 'fe80::1%eth0' }),
    JSON.stringify({ ...securityEvent(), device: 'dev\u0000' }),
    JSON.stringify({ ...securityEvent(), detail: { note: 'tt_abcdefghijkl_secret' } }),
    JSON.stringify({ ...securityEvent(), detail: { tt_abcdefghijkl_SECRET: 1 } }),
    JSON.stringify({ ...securityEvent(), id: 'again' }),
    JSON.stringify({ ...securityEvent(), at_ms: 1e300 }),
  ];
  for (const text of broken) await stores.redis.xadd(securityEvents, '*', 'event', text);
  await appendSecurityEvents(stores.redis, [securityEvent({ device: 'dropped' }), securityEvent({ device: 'kept' })]);
  await stores.redis.xreadgroup('GROUP', group, 'worker', 'STREAMS', securityEvents, '>');
  const entries = await stores.redis.xrange(securityEvents, '-', '+');
  await stores.redis.xdel(securityEvents, entries.at(-2)?.[0] ?? '');
  await storeAll(loop);
  assert.deepEqual(
    (await readStored(stores)).map(({ device }) => device),
    ['kept'],
  );
  assert.equal(await countUnacknowledged(stores), 0);
});

test('an unknown member of an event goes no further than the stream', async () => {
  await using stores = await openWorkerStores();
  const loop = await startStoring(stores);
  const event = { ...securityEvent(), api_key: 'tt_abcdefghijkl_secret' };
  await stores.redis.xadd(securityEvents, '*', 'event', JSON.stringify(event));
  await storeAll(loop);
  const { rows } = await stores.database.query<{ text: string }>('SELECT e::text AS text FROM security_events e');
  assert.equal(rows.length, 1);
  assert.doesNotMatch(rows[0]?.text ?? '', /secret/);
});
