import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { LogKeeper } from '../../../services/worker/log/log-keeper.ts';
import { LossWatch } from '../../../services/worker/log/loss-watch.ts';
import { createWorkerMetrics } from '../../../services/worker/metrics.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { EVERY_SHARD } from '../../support/held.ts';
import { createPersisting, persistAll } from '../../support/persisting.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

interface Watching {
  readonly watch: LossWatch;
  readonly lost: () => Promise<number>;
  readonly lines: readonly string[];
}

function createWatch(stores: WorkerStores): Watching {
  const registry = new Registry();
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const watch = new LossWatch(stores.redis, { metrics: createWorkerMetrics(registry), log });
  const lost = async (): Promise<number> => {
    const { values } = await registry.getSingleMetric('log_lost_entries_total')!.get();
    return values[0]?.value ?? NaN;
  };
  return { watch, lost, lines };
}

async function append(stores: WorkerStores, packs: number): Promise<void> {
  for (let number = 0; number < packs; number += 1) {
    const readings = [numberReading('x', 1_790_000_000_000_000 + number, number)];
    await appendPack(stores.redis, { device: `dev-${number}`, readings });
  }
}

/** A watch that has seen four packs in the logs. */
async function watchFourPacks(stores: WorkerStores): Promise<Watching & { readonly keeper: LogKeeper }> {
  const keeper = new LogKeeper(stores.redis, stores.database, SHARD_COUNT, stores.log);
  await keeper.check();
  const watching = createWatch(stores);
  await append(stores, 4);
  await watching.watch.look(EVERY_SHARD.keys());
  return { keeper, ...watching };
}

test('of logs that are flushed the worker that had them says how many acknowledged packs were not stored', async () => {
  await using stores = await openWorkerStores();
  const keeper = new LogKeeper(stores.redis, stores.database, SHARD_COUNT, stores.log);
  await keeper.check();
  const [mine, others] = [createWatch(stores), createWatch(stores)];
  await append(stores, 7);
  await persistAll(createPersisting(stores).loop, stores.redis);
  await append(stores, 5);
  await mine.watch.look(EVERY_SHARD.keys());
  await others.watch.look([]);
  assert.equal(await mine.lost(), 0);

  await stores.redis.flushall();
  await mine.watch.look(EVERY_SHARD.keys());
  await others.watch.look([]);
  assert.deepEqual([await mine.lost(), await others.lost()], [5, 0]);
  assert.equal(mine.lines.length, 1);
  const line: unknown = JSON.parse(mine.lines[0] ?? '');
  assert.ok(typeof line === 'object' && line !== null && 'entries' in line && line.entries === 5);

  // Once; and what comes into the new logs is not lost.
  await keeper.check();
  await append(stores, 3);
  await mine.watch.look(EVERY_SHARD.keys());
  await mine.watch.look(EVERY_SHARD.keys());
  assert.equal(await mine.lost(), 5);
});

test('a log that is another one at the next look was lost in between, also by who has it no more', async () => {
  await using stores = await openWorkerStores();
  const { keeper, watch, lost } = await watchFourPacks(stores);
  await stores.redis.flushall();
  await keeper.check();
  await watch.look([]);
  assert.equal(await lost(), 4);
});

test('a shard that another worker has taken over is not looked at any more', async () => {
  await using stores = await openWorkerStores();
  const { watch, lost } = await watchFourPacks(stores);
  await watch.look([]);
  await stores.redis.flushall();
  await watch.look([]);
  assert.equal(await lost(), 0);
});
