import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { MetricDirectory } from '../../../services/worker/persist/metric-directory.ts';
import { Partitions } from '../../../services/worker/persist/partitions.ts';
import { encodePack, numberReading } from '../../support/admitted-packs.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const NOW_US = Date.now() * 1000;

function packWith(device: string, metrics: readonly string[]): AdmittedPack {
  const readings = metrics.map((metric) => numberReading(metric, NOW_US, 1));
  const pack = parseAdmittedPack(encodePack({ device, readings }));
  assert.ok(pack !== undefined);
  return pack;
}

async function readIds(stores: WorkerStores, device: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await stores.database.query<{ name: string; metric_id: number }>(
    'SELECT name, metric_id FROM metrics WHERE device_id = $1 ORDER BY metric_id',
    [device],
  );
  return new Map(rows.map(({ name, metric_id: id }) => [name, id]));
}

test('metrics are numbered in the order in which they are first seen, and keep their numbers', async () => {
  await using stores = await openWorkerStores();
  await new MetricDirectory(stores.database).learn([packWith('dev-1', ['z', 'a']), packWith('dev-1', ['m', 'a'])]);
  const first = await readIds(stores, 'dev-1');
  assert.deepEqual(
    [...first],
    [
      ['z', 1],
      ['a', 2],
      ['m', 3],
    ],
  );
  const restarted = new MetricDirectory(stores.database);
  await restarted.learn([packWith('dev-1', ['b', 'm', 'a'])]);
  assert.deepEqual([...(await readIds(stores, 'dev-1'))], [...first, ['b', 4]]);
  assert.deepEqual(restarted.find('dev-1', 'm'), { metricId: 3, unit: 'm/s2' });
});

test('concurrent writers of one device agree on numbers without gaps, however full it is', async () => {
  await using stores = await openWorkerStores();
  const names = Array.from({ length: 80 }, (_, index) => `m${index}`);
  // A pool of its own each, as workers have them: in one, the last in the queue would wait for the turns of all the others.
  const writers = Array.from({ length: 6 }, (_, offset) => ({
    directory: new MetricDirectory(stores.openDatabase(stores.databaseUrl)),
    names: [...names.slice(offset * 13), ...names.slice(0, offset * 13)],
  }));
  await Promise.all(
    writers.map(async ({ directory, names: wanted }) => {
      for (let at = 0; at < wanted.length; at += 7)
        await directory.learn([packWith('dev-1', wanted.slice(at, at + 7))]);
    }),
  );
  const ids = await readIds(stores, 'dev-1');
  assert.deepEqual(
    [...ids.values()],
    Array.from({ length: 64 }, (_, index) => index + 1),
  );
  for (const { directory } of writers) {
    for (const name of names) {
      const known = directory.find('dev-1', name);
      if (known !== undefined) assert.equal(known.metricId, ids.get(name));
    }
  }
});

test('several workers can make the same partitions at once', async () => {
  await using stores = await openWorkerStores();
  const timesUs = Array.from({ length: 5 }, (_, day) => NOW_US + day * 86_400_000_000);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => new Partitions(stores.database).ensureFor('readings', timesUs)),
  );
  assert.deepEqual(new Set(outcomes.map(({ status }) => status)), new Set(['fulfilled']));
});
