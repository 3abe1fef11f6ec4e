import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPlatform } from '../support/platform.ts';
import { startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

test('the command registers the devices of attackers too, and what is replayed is not stored again', async () => {
  await using platform = await startPlatform();
  const args = ['--devices', '20', '--duration', '5', '--encoding', 'cose', '--attack', 'replay'];
  await using fleet = await startFleet(platform, args);
  const outcome = await fleet.outcome();
  await assertStoredOnce(platform, fleet, outcome);
  assert.ok((outcome.summary.by_code['replay-detected'] ?? 0) > 0);
});
