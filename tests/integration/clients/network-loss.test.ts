import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { AlertClient } from '../../../clients/js/src/index.ts';
import { openClientPage } from '../../support/chromium.ts';
import { standBefore, type CutOffServer } from '../../support/cut-off-server.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startBroadcasterProcess, type RunningBroadcaster } from '../../support/running-broadcaster.ts';
import { TestAlertLog } from '../../support/alert-log.ts';

const WITHOUT_NETWORK_MS = 5000;

let server: TestRedis;
let broadcaster: RunningBroadcaster;
let log: TestAlertLog;
let network: CutOffServer;
let url: string;

before(async () => {
  server = await startRedis();
  broadcaster = await startBroadcasterProcess(server.url, {
    TELLTALE_BROADCASTER_PUBLIC: 'true',
    TELLTALE_BROADCASTER_ORIGINS: '*',
    TELLTALE_BROADCASTER_HEARTBEAT_S: '1',
  });
  log = new TestAlertLog(server.url);
  ({ server: network, url } = await standBefore(broadcaster.url));
});
after(async () => {
  log[Symbol.dispose]();
  await network[Symbol.asyncDispose]();
  await broadcaster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** What a client saw. */
interface Seen {
  readonly subjects: readonly string[];
  readonly states: readonly string[];
  readonly gaps: number;
}

interface Runner extends AsyncDisposable {
  readonly look: () => Promise<Seen>;
}

function inNode(): Runner {
  const client = new AlertClient({ url, WebSocket, filters: [{ status: ['Test'] }] });
  const seen = { subjects: [] as string[], states: [] as string[], gaps: 0 };
  client.on('alert', ({ subject }) => seen.subjects.push(subject));
  client.on('state', (state) => seen.states.push(state));
  client.on('gap', () => (seen.gaps += 1));
  return {
    look: () => Promise.resolve(seen),
    [Symbol.asyncDispose]: async () => Promise.resolve(client.close()),
  };
}

async function inChromium(): Promise<Runner> {
  const opened = await openClientPage();
  // The text is the page's: nothing of it is compiled here.
  await opened.page.evaluate(`(async () => {
    const { AlertClient } = await import('/client/index.js');
    const client = new AlertClient({ url: ${JSON.stringify(url)}, filters: [{ status: ['Test'] }] });
    const seen = { subjects: [], states: [], gaps: 0 };
    client.on('state', (state) => seen.states.push(state));
    client.on('gap', () => (seen.gaps += 1));
    globalThis.seen = seen;
    globalThis.client = client;
    (async () => {
      for await (const { subject } of client) seen.subjects.push(subject);
    })();
  })()`);
  return {
    look: async () => (await opened.page.evaluate('globalThis.seen')) as Seen,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

let alerts = 0;

async function raise(count: number): Promise<readonly string[]> {
  const subjects = Array.from({ length: count }, () => `alert-${(alerts += 1)}`);
  for (const subject of subjects) await log.append('raised', { subject });
  return subjects;
}

for (const [where, start] of [
  ['Node', () => Promise.resolve(inNode())],
  ['Chromium', inChromium],
] as const) {
  test(`a client in ${where} that has no network for 5 s loses no alert and gets none twice`, async () => {
    await using runner = await start();
    const { look } = runner;
    await eventually(async () => assert.equal((await look()).states.at(-1), 'live'));
    const expected = [...(await raise(3))];
    await eventually(async () => assert.deepEqual((await look()).subjects, expected));

    // Nothing passes, and nobody is told: a phone that is out of reach.
    network.cutOff = true;
    const silentUntil = performance.now() + WITHOUT_NETWORK_MS;
    while (performance.now() < silentUntil) {
      expected.push(...(await raise(2)));
      await delay(200);
    }
    assert.ok((await look()).states.includes('waiting'), 'it did not notice');
    network.cutOff = false;
    await eventually(async () => assert.deepEqual((await look()).subjects, expected));

    // Connections break, and new ones are refused at once.
    const brokenUntil = performance.now() + WITHOUT_NETWORK_MS;
    while (performance.now() < brokenUntil) {
      network.drop();
      expected.push(...(await raise(2)));
      await delay(100);
    }
    expected.push(...(await raise(2)));
    await eventually(async () => assert.deepEqual((await look()).subjects, expected), 60_000);
    await eventually(async () => assert.equal((await look()).states.at(-1), 'live'));
    assert.equal((await look()).gaps, 0);
  });
}

test('a page asks a server of another origin what is active', async () => {
  await using opened = await openClientPage();
  const [subject] = await raise(1);
  const active = (await opened.page.evaluate(`(async () => {
    const { AlertClient } = await import('/client/index.js');
    const client = new AlertClient({ url: ${JSON.stringify(url)}, filters: [{ status: ['Test'] }] });
    const { alerts } = await client.active();
    client.close();
    return alerts.map(({ subject }) => subject);
  })()`)) as readonly string[];
  assert.ok(active.includes(subject!));
});
