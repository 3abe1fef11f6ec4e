import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { AlertClient, type GapMessage } from '../../../clients/js/src/index.ts';
import { TestAlertLog } from '../../support/alert-log.ts';
import { BreakableSockets } from '../../support/breakable-sockets.ts';
import { readTransitions } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';

const CLIENTS = 200;
/** One in so many wants everything; the others one zone of ten, so that this process can read it all. */
const ALL_EVERY = 20;
const ZONES = 10;
const PER_S = 500;
const SECONDS = 5;
const BATCHES_PER_S = 10;
const BREAK_EVERY_MS = 50;
/** Each connection is broken about every two seconds. */
const BREAK_PROBABILITY = 0.025;

interface Follower {
  readonly client: AlertClient;
  /** Undefined for all. */
  readonly zone: string | undefined;
  readonly cursors: string[];
  readonly gaps: GapMessage[];
}

function follow(url: string, sockets: BreakableSockets, index: number): Follower {
  const zone = index % ALL_EVERY === 0 ? undefined : `z${index % ZONES}`;
  const client = new AlertClient({
    url,
    WebSocket: sockets.WebSocket,
    filters: [{ status: ['Test'], ...(zone !== undefined && { zones: [zone] }) }],
  });
  const follower: Follower = { client, zone, cursors: [], gaps: [] };
  client.on('alert', ({ cursor }) => follower.cursors.push(cursor));
  client.on('gap', (gap) => follower.gaps.push(gap));
  return follower;
}

test('200 clients that break off at random under 500 transitions/s, with the broadcaster and Redis killed in between, miss nothing and get nothing twice', async (context) => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  using log = new TestAlertLog(server.url);
  const sockets = new BreakableSockets();
  const followers = Array.from({ length: CLIENTS }, (_, index) => follow(broadcaster.url, sockets, index));
  try {
    await eventually(() =>
      assert.ok(
        followers.every(({ client }) => client.place !== undefined),
        'not all have begun',
      ),
    );
    const breaking = setInterval(() => sockets.break(BREAK_PROBABILITY), BREAK_EVERY_MS);
    const faults = (async () => {
      await delay((SECONDS / 4) * 1000);
      await broadcaster.kill9();
      await delay(300);
      await broadcaster.start();
      await delay((SECONDS / 4) * 1000);
      await server.kill9();
      await delay(300);
      await server.restart();
    })();
    try {
      const tookS = await append(log);
      context.diagnostic(`${Math.round((PER_S * SECONDS) / tookS)} transitions/s, with the time that Redis was away`);
      await faults;
    } finally {
      clearInterval(breaking);
    }

    const transitions = await readTransitions(log.redis);
    assert.equal(transitions.length, PER_S * SECONDS);
    await eventually(() => {
      for (const { zone, cursors } of followers) {
        const expected = transitions.filter(({ transition }) => zone === undefined || transition.zones.includes(zone));
        assert.equal(cursors.length, expected.length);
      }
    }, 60_000);
    for (const { zone, cursors, gaps } of followers) {
      const expected = transitions.filter(({ transition }) => zone === undefined || transition.zones.includes(zone));
      assert.deepEqual(
        cursors,
        expected.map(({ cursor }) => cursor),
      );
      assert.deepEqual(gaps, []);
    }
  } finally {
    for (const { client } of followers) client.close();
  }
});

/** An append whose outcome nobody knows is made again: it has its cause, and happens once. Answers how long all took, seconds. */
async function append(log: TestAlertLog): Promise<number> {
  const startedMs = performance.now();
  for (let batch = 0; batch < SECONDS * BATCHES_PER_S; batch += 1) {
    await delay(Math.max(0, startedMs + (batch * 1000) / BATCHES_PER_S - performance.now()));
    await Promise.all(
      Array.from({ length: PER_S / BATCHES_PER_S }, async (_, index) => {
        const subject = `dev-${batch}-${index}`;
        await eventually(() => log.append('raised', { subject, zones: [`z${index % ZONES}`] }));
      }),
    );
  }
  return (performance.now() - startedMs) / 1000;
}
