import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hear, HeardIndex, type Heard } from '../../../../../core/detection/quorum/heard.ts';

const VOICE = { device: 'dev-1', site: null, owner: null, position: { lat: 47, lon: 19 } };
const START_US = 1_700_000_000e6;

/** @param packs seconds of the newest reading and of the arrival */
function heardFrom(packs: readonly (readonly [number, number])[]): ReadonlyMap<string, Heard> {
  let heard: Heard | undefined;
  for (const [untilS, atS] of packs) heard = hear(heard, VOICE, START_US + untilS * 1e6, START_US + atS * 1e6);
  return new Map(heard === undefined ? [] : [['dev-1', heard]]);
}

const isHeard = (heard: ReadonlyMap<string, Heard>, nowS: number): boolean =>
  [...new HeardIndex([heard], 1000).at(START_US + nowS * 1e6).listeners(VOICE.position, 100)].length === 1;

test('a device is online until it has missed three of its packs', () => {
  const heard = heardFrom([
    [0, 0],
    [10, 10],
    [20, 20],
  ]);
  assert.deepEqual([isHeard(heard, 50), isHeard(heard, 50.1)], [true, false]);
});

test('what was held back and comes in a burst does not make it seem to be quick', () => {
  const burst = Array.from({ length: 20 }, (_, index) => [index * 10, 190 + index / 1000] as const);
  assert.equal(isHeard(heardFrom(burst), 215), true);
});

test('a device that was heard once is online for a minute', () => {
  assert.deepEqual([isHeard(heardFrom([[0, 0]]), 60), isHeard(heardFrom([[0, 0]]), 61)], [true, false]);
});

test('it is heard until its newest reading, also when an older one comes later', () => {
  const heard = heardFrom([
    [10, 11],
    [5, 12],
  ]);
  const [listener] = new HeardIndex([heard], 1000).at(START_US + 12e6).listeners(VOICE.position, 100);
  assert.equal(listener?.heardUntilUs, START_US + 10e6);
});

test('records that grow newer behind an index are found by it, and what is far away is not', () => {
  const heard = new Map(heardFrom([[0, 0]]));
  const index = new HeardIndex([heard], 1000);
  const before = heard.get('dev-1');
  heard.set('dev-1', hear(before, VOICE, START_US + 100e6, START_US + 100e6));
  assert.equal([...index.at(START_US + 120e6).listeners(VOICE.position, 100)].length, 1);
  assert.equal([...index.at(START_US + 120e6).listeners({ lat: 47.1, lon: 19 }, 5000)].length, 0);
});
