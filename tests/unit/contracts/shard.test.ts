import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardOf } from '../../../contracts/shard.ts';

test('the hash is FNV-1a: the published values of known inputs', () => {
  assert.equal(shardOf('', 2 ** 32), 0x811c9dc5);
  assert.equal(shardOf('a', 2 ** 32), 0xe40c292c);
  assert.equal(shardOf('foobar', 2 ** 32), 0xbf9cf968);
});

test('devices spread over the shards', () => {
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i += 1) counts[shardOf(`dev-${i}`, 16)]! += 1;
  assert.ok(Math.min(...counts) > 700 && Math.max(...counts) < 1300, counts.join(' '));
});
