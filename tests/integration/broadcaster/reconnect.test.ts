import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedis } from '../../support/redis.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';
import { ReconnectStorm } from '../../load/reconnect/reconnect-storm.ts';

const CLIENTS = 300;
/** A fifth of the default, for a few of the clients that `npm run stress -- reconnect` has. */
const CONNECTS_PER_S = 100;
const BACK_WITHIN_MS = 60_000;

test('three hundred clients that a restart and then a kill cut off at once are let in at a steady rate, and all come back', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url, {
    TELLTALE_BROADCASTER_PUBLIC: 'true',
    TELLTALE_BROADCASTER_CONNECTS_PER_S: String(CONNECTS_PER_S),
  });
  using storm = new ReconnectStorm();
  await storm.connect(broadcaster.url, CLIENTS, BACK_WITHIN_MS);
  for (const lose of [() => broadcaster.running.stop(5000), () => broadcaster.kill9()]) {
    const { back, gaps, lastBackS } = await storm.run(async () => {
      await lose();
      await broadcaster.start();
    }, BACK_WITHIN_MS);
    assert.deepEqual({ back, gaps }, { back: CLIENTS, gaps: 0 });
    // So many a second, and those that a rested server lets in at once.
    assert.ok(lastBackS > CLIENTS / CONNECTS_PER_S - 2, `all were let in within ${lastBackS} s`);
  }
});
