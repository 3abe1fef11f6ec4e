import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import type { Pool } from 'pg';
import { parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { MAX_CLOCK_SAMPLES } from '../../../core/telemetry/clock-offset.ts';
import { DeviceClocks } from '../../../services/worker/clocks/device-clocks.ts';
import { encodePack, numberReading } from '../../support/admitted-packs.ts';
import { openIngestPlatform } from '../../support/ingest-platform.ts';
import { createPersisting, persistAll } from '../../support/persisting.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send } from '../../support/raw-http.ts';
import type { SignedDevice } from '../../support/signed-device.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const BEHIND_S = 20;
const NOW_US = Math.floor(Date.now() / 1000) * 1e6;

interface StoredClock {
  readonly offsetMs: number;
  readonly lowestMs: number;
  readonly highestMs: number;
  readonly samples: number;
  readonly envelopes: number;
}

async function readClock(database: Pool, device: string): Promise<StoredClock | undefined> {
  const { rows } = await database.query<StoredClock>(
    `SELECT offset_ms AS "offsetMs", lowest_ms AS "lowestMs", highest_ms AS "highestMs",
            cardinality(samples_ms) AS samples, envelopes::int AS envelopes
     FROM device_clocks WHERE device_id = $1`,
    [device],
  );
  return rows[0];
}

/** An envelope of a device whose clock seems to be behind by so much. */
function heard(device: string, behindMs: number): AdmittedPack {
  const receivedUs = NOW_US + behindMs * 1000;
  const readings = [numberReading('x', NOW_US - 1e6, 1)];
  const pack = parseAdmittedPack(encodePack({ device, readings, createdUs: NOW_US, receivedUs }));
  assert.ok(pack !== undefined);
  return pack;
}

test('a device whose clock is 20 s late is known as such, and one whose clock is right is not', async () => {
  await using platform = await openIngestPlatform();
  const late = await platform.addDevice();
  const right = await platform.addDevice();
  const wild = await platform.addDevice();
  const { loop, clocks } = createPersisting(platform.stores);
  /** A reading of now, by the device's clock, signed at once. */
  const sample = (device: SignedDevice, behindS: number) => {
    const clockS = Date.now() / 1000 - behindS;
    const body = JSON.stringify([{ n: 'pga', u: 'm/s2', v: 0.42, bt: clockS }]);
    return send(platform.port, device.request({ body, createdS: Math.floor(clockS) }));
  };
  for (let interval = 0; interval < 3; interval += 1) {
    for (let count = 0; count < 5; count += 1) {
      assertAccepted(await sample(late, BEHIND_S), 1);
      assertAccepted(await sample(right, 0), 1);
      assertProblem(await sample(wild, 301), 403, 'timestamp-skew');
      await delay(30);
    }
    await persistAll(loop, platform.stores.redis);
    await clocks.flush();
  }
  const { database } = platform.stores;
  for (const [device, behindS] of [
    [late, BEHIND_S],
    [right, 0],
  ] as const) {
    const clock = await readClock(database, device.id);
    assert.ok(clock !== undefined, `${device.id} is not known`);
    // The device signs before it sends: never less, and the way here is short.
    assert.ok(clock.offsetMs >= behindS * 1000 - 1, `${clock.offsetMs} ms`);
    assert.ok(clock.offsetMs < behindS * 1000 + 900, `${clock.offsetMs} ms`);
    assert.deepEqual([clock.samples, clock.envelopes], [3, 15]);
  }
  assert.equal(await readClock(database, wild.id), undefined);
});

test('of an interval the smallest sample counts, and what a gateway held does not', async () => {
  await using stores = await openWorkerStores();
  const clocks = new DeviceClocks(stores.database);
  for (const offsets of [[90_000, 20_400, 21_000], [20_300], [200_000], [20_500, 20_450], [-3000]]) {
    clocks.observe(offsets.map((behindMs) => heard('dev-1', behindMs)));
    clocks.observe([heard('dev-1', 3_600_000), heard('held', 301_000)]);
    await clocks.flush();
  }
  assert.deepEqual(await readClock(stores.database, 'dev-1'), {
    offsetMs: 20_400,
    lowestMs: -3000,
    highestMs: 200_000,
    samples: 5,
    envelopes: 8,
  });
  assert.equal(await readClock(stores.database, 'held'), undefined);
  await clocks.flush();
  assert.equal((await readClock(stores.database, 'dev-1'))?.samples, 5);
});

test('the samples outlive the worker, and old ones go', async () => {
  await using stores = await openWorkerStores();
  for (let interval = 0; interval < MAX_CLOCK_SAMPLES + 5; interval += 1) {
    const clocks = new DeviceClocks(stores.database);
    clocks.observe([heard('dev-1', interval * 1000)]);
    await clocks.flush();
  }
  assert.deepEqual(await readClock(stores.database, 'dev-1'), {
    offsetMs: 12_000,
    lowestMs: 5000,
    highestMs: 19_000,
    samples: MAX_CLOCK_SAMPLES,
    envelopes: MAX_CLOCK_SAMPLES + 5,
  });
});

test('while the database is away the interval goes on, and nothing is lost or counted twice', async () => {
  await using stores = await openWorkerStores();
  const clocks = new DeviceClocks(stores.database);
  await stores.database.query('ALTER TABLE device_clocks RENAME TO away');
  clocks.observe([heard('dev-1', 900), heard('dev-2', 50)]);
  await assert.rejects(clocks.flush());
  clocks.observe([heard('dev-1', 400)]);
  await assert.rejects(clocks.flush());
  await stores.database.query('ALTER TABLE away RENAME TO device_clocks');
  await clocks.flush();
  const [first, second] = [await readClock(stores.database, 'dev-1'), await readClock(stores.database, 'dev-2')];
  assert.deepEqual([first?.offsetMs, first?.samples, first?.envelopes], [400, 1, 2]);
  assert.deepEqual([second?.offsetMs, second?.samples, second?.envelopes], [50, 1, 1]);
});

test('two workers that have heard the same devices do not deadlock, and each counts', async () => {
  await using stores = await openWorkerStores();
  const workers = [0, 1].map(() => new DeviceClocks(stores.database));
  const devices = Array.from({ length: 500 }, (_, index) => `dev-${index}`);
  const seed = new DeviceClocks(stores.database);
  seed.observe(devices.map((device) => heard(device, 100)));
  await seed.flush();
  for (let round = 0; round < 5; round += 1) {
    for (const [index, clocks] of workers.entries()) {
      const order = index === 0 ? devices : [...devices].reverse();
      clocks.observe(order.map((device) => heard(device, 100 + index)));
    }
    await Promise.all(workers.map((clocks) => clocks.flush()));
  }
  const { rows } = await stores.database.query(
    'SELECT cardinality(samples_ms) AS samples, envelopes::int AS envelopes, count(*)::int FROM device_clocks GROUP BY 1, 2',
  );
  assert.deepEqual(rows, [{ samples: 11, envelopes: 11, count: 500 }]);
});
