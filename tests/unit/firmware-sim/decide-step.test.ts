import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideStep, type PackHistory } from '../../../firmware-sim/device/decide-step.ts';

const REPLAY = { kind: 'refused', code: 'replay-detected' } as const;
const once = (repeats: boolean): PackHistory => {
  return { readings: 1, repeats, sends: 1, failures: 0, tooOld: 0, clockWasSet: false };
};

test('a nonce that was used already is somebody else’s where nothing but the device repeats its envelopes', () => {
  assert.deepEqual(decideStep(REPLAY, once(false), Math.random), { kind: 'dropped', code: 'replay-detected' });
});

test('where a broker or the platform tries again, the first receipt may tell of the second attempt', () => {
  const step = decideStep(REPLAY, once(true), Math.random);
  assert.deepEqual(step, { kind: 'acknowledged', outcome: 'already-delivered' });
});
