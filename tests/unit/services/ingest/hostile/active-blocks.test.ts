import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActiveBlocks } from '../../../../../services/ingest/hostile/active-blocks.ts';

const HEAR_MS = 1000;
const block = (address: string, claimant: string | null, untilMs: number, offence = 1) => {
  return { address, claimant, offence, until_ms: untilMs };
};

test('a block holds until its end, and is known for as long after it as everybody is heard', () => {
  const blocks = new ActiveBlocks(HEAR_MS);
  blocks.set(block('a', null, 5000), 0);
  blocks.set(block('a', 'dev-1', 7000), 0);
  assert.deepEqual([blocks.addressUntil('a', 4999), blocks.addressUntil('a', 5000)], [5000, undefined]);
  assert.deepEqual([blocks.pairUntil('a', 'dev-1', 6999), blocks.pairUntil('a', 'dev-2', 0)], [7000, undefined]);
  assert.deepEqual(blocks.takeEnded(5999), []);
  assert.equal(blocks.isKnown({ address: 'a', claimant: null }), true);
  assert.deepEqual(blocks.takeEnded(6000), [{ address: 'a', claimant: null, term: { offence: 1, untilMs: 5000 } }]);
  assert.equal(blocks.isKnown({ address: 'a', claimant: null }), false);
  assert.equal(blocks.size, 1);
  assert.equal(blocks.takeEnded(8000).length, 1);
  assert.equal(blocks.size, 0);
});

test('a change replaces the block, and one that lies in the past ends it', () => {
  const blocks = new ActiveBlocks(HEAR_MS);
  blocks.set(block('a', null, 5000), 0);
  blocks.set(block('a', null, 9000, 2), 0);
  assert.deepEqual([blocks.addressUntil('a', 0), blocks.size], [9000, 1]);
  blocks.set(block('a', null, 0), 4000);
  assert.deepEqual([blocks.addressUntil('a', 4000), blocks.size], [undefined, 0]);
});

test('more blocks than can be kept push the oldest out', () => {
  const blocks = new ActiveBlocks(HEAR_MS);
  for (let index = 0; index < 100_010; index += 1) blocks.set(block(`a${index}`, 'dev-1', 5000), 0);
  assert.equal(blocks.size, 100_000);
  assert.deepEqual([blocks.pairUntil('a0', 'dev-1', 0), blocks.pairUntil('a100009', 'dev-1', 0)], [undefined, 5000]);
});
