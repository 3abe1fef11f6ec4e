import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHeard, heardField } from '../../../contracts/heard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Heard } from '../../../core/detection/quorum/heard.ts';
import { HeardDevices } from '../../../services/worker/associate/heard-devices.ts';
import { eventually } from '../../support/eventually.ts';
import { openWorkerStores, SHARD_COUNT } from '../../support/worker-stores.ts';

const NOW_US = 1_800_000_000_000_000;
const DAY_US = 86_400e6;
const RULES = ['shaken', 'wet'];

/** Numbers below the bound, the same in every run. */
function createNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
}

test('what is read again and again is what is there, and another place or device is told of', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  const devices = new HeardDevices(redis, SHARD_COUNT);
  const below = createNumbers(7);
  const written = new Map<string, Heard>();
  let told = 0;
  for (let round = 0; round < 60; round += 1) {
    const placesBefore = new Map([...written].map(([key, { position }]) => [key, position]));
    for (let change = below(6); change > 0; change -= 1) {
      const number = below(12);
      const [rule, device, shard] = [RULES[below(2)] ?? '', `dev-${number}`, number % SHARD_COUNT];
      const key = heardField(rule, device);
      const before = written.get(key);
      if (below(4) === 0) {
        written.delete(key);
        await redis.hdel(redisKeys.heard(shard), key);
        continue;
      }
      const atUs = below(8) === 0 ? NOW_US - 2 * DAY_US : NOW_US - below(1000);
      const position =
        before !== undefined && below(3) > 0 ? before.position : { lat: 40 + below(5), lon: 19 + below(5) };
      const heard: Heard = { device, site: null, owner: null, position, untilUs: atUs, atUs };
      await redis.hset(redisKeys.heard(shard), key, formatHeard(heard));
      if (atUs < NOW_US - DAY_US) written.delete(key);
      else written.set(key, heard);
    }
    if (below(5) === 0) await redis.hset(redisKeys.heard(below(SHARD_COUNT)), 'shaken|dev-x', 'nothing');
    const read = await devices.read(NOW_US);
    const flat = [...read].flatMap(([rule, heard]) =>
      [...heard].map(([id, one]) => [heardField(rule, id), one] as const),
    );
    assert.deepEqual(new Map(flat), written);
    const isMoved =
      placesBefore.size !== written.size ||
      [...written].some(([key, { position }]) => JSON.stringify(position) !== JSON.stringify(placesBefore.get(key)));
    // What went and came back between two reads, at its place, may be told of or not.
    if (isMoved) assert.ok(devices.isMoved, `round ${round}`);
    told += Number(devices.isMoved);
  }
  assert.ok(told > 10 && told < 60, `${told} of 60`);
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    const fields = Object.keys(await redis.hgetall(redisKeys.heard(shard)));
    assert.ok(
      fields.every((field) => written.has(field)),
      'what is old or unreadable stays',
    );
  }
});

test('a record that does not change is read once', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  const devices = new HeardDevices(redis, SHARD_COUNT);
  const position = { lat: 47.5, lon: 19 };
  const hear = async (device: string, atUs: number) => {
    const heard: Heard = { device, site: null, owner: null, position, untilUs: atUs, atUs };
    await redis.hset(redisKeys.heard(1), heardField('shaken', device), formatHeard(heard));
  };
  await hear('dev-1', NOW_US);
  await hear('dev-2', NOW_US);
  const first = new Map((await devices.read(NOW_US)).get('shaken'));
  assert.equal(devices.isMoved, true);
  await hear('dev-2', NOW_US + 1e6);
  const second = new Map((await devices.read(NOW_US)).get('shaken'));
  assert.equal(devices.isMoved, false);
  assert.equal(second.get('dev-1'), first.get('dev-1'));
  assert.equal(second.get('dev-2')?.atUs, NOW_US + 1e6);
});

test('a shard whose version stays is not read again at once, and one without a version always is', async () => {
  await using stores = await openWorkerStores();
  const { redis } = stores;
  const devices = new HeardDevices(redis, SHARD_COUNT);
  const hear = async (device: string, shard: number) => {
    const position = { lat: 47.5, lon: 19 };
    const heard: Heard = { device, site: null, owner: null, position, untilUs: NOW_US, atUs: NOW_US };
    await redis.hset(redisKeys.heard(shard), heardField('shaken', device), formatHeard(heard));
  };
  const read = async () => [...((await devices.read(NOW_US)).get('shaken')?.keys() ?? [])].sort();
  await redis.incr(redisKeys.heardVersion(1));
  await hear('dev-1', 1);
  assert.deepEqual(await read(), ['dev-1']);
  // As a worker of an earlier build does.
  await hear('dev-2', 1);
  await hear('dev-3', 2);
  assert.deepEqual(await read(), ['dev-1', 'dev-3']);
  await eventually(async () => assert.deepEqual(await read(), ['dev-1', 'dev-2', 'dev-3']), 10_000);
  await hear('dev-4', 1);
  await redis.incr(redisKeys.heardVersion(1));
  assert.deepEqual(await read(), ['dev-1', 'dev-2', 'dev-3', 'dev-4']);
});
