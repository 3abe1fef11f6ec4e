import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { AlertClient, type AlertClientOptions, type ClientEvents } from '../../../clients/js/src/index.ts';
import { eventually } from '../../support/eventually.ts';
import { ScriptedAlerts } from '../../support/scripted-alerts.ts';

interface Watched extends Disposable {
  readonly client: AlertClient;
  readonly cursors: string[];
  readonly states: string[];
  readonly problems: ClientEvents['problem'][];
  readonly gaps: ClientEvents['gap'][];
  readonly hearing: boolean[];
}

function watch(options: Omit<AlertClientOptions, 'WebSocket'>): Watched {
  const client = new AlertClient({ ...options, WebSocket });
  const watched: Watched = {
    client,
    cursors: [],
    states: [],
    problems: [],
    gaps: [],
    hearing: [],
    [Symbol.dispose]: () => client.close(),
  };
  client.on('alert', ({ cursor }) => watched.cursors.push(cursor));
  client.on('state', (state) => watched.states.push(state));
  client.on('problem', (problem) => watched.problems.push(problem));
  client.on('gap', (gap) => watched.gaps.push(gap));
  client.on('hearing', (hearing) => watched.hearing.push(hearing));
  return watched;
}

test('a client asks for what it wants, and after a break for what came behind the last that it knows', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url, filters: [{ zones: ['here'] }] });
  const first = await server.connection(0);
  first.hello();
  await eventually(() => assert.equal(first.said.length, 1));
  assert.deepEqual(first.said[0], { type: 'subscribe', filters: [{ zones: ['here'], status: ['Actual'] }] });
  first.tell({ type: 'subscribed', epoch: 'e1', cursor: '5-0' });
  first.live('5-0');
  first.alert(7);
  first.alert(7);
  first.alert(6);
  first.alert(9);
  await eventually(() => assert.deepEqual(watched.cursors, ['7-0', '9-0']));
  first.tell({ type: 'heartbeat', epoch: 'e1', cursor: '12-0', live: true });
  await eventually(() => assert.deepEqual(watched.client.place, { epoch: 'e1', cursor: '12-0' }));
  first.socket.terminate();

  const second = await server.connection(1);
  second.hello({ cursor: '20-0' });
  await eventually(() => assert.equal(second.said.length, 1));
  const [asked] = second.said;
  assert.ok(asked?.type === 'subscribe');
  assert.deepEqual(asked.resume, { epoch: 'e1', cursor: '12-0' });
  second.tell({ type: 'subscribed', epoch: 'e1', cursor: '12-0' });
  // Not all has been sent: a heartbeat is not where it stands.
  second.tell({ type: 'heartbeat', epoch: 'e1', cursor: '20-0', live: true });
  second.alert(14);
  await eventually(() => assert.deepEqual(watched.cursors, ['7-0', '9-0', '14-0']));
  assert.equal(watched.client.place?.cursor, '14-0');
  second.live('20-0');
  await eventually(() => assert.equal(watched.client.place?.cursor, '20-0'));
  assert.deepEqual(watched.states, ['catching-up', 'live', 'waiting', 'connecting', 'catching-up', 'live']);
});

test('a gap is told, and from there on another history counts', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url, resume: { epoch: 'e0', cursor: '99-0' } });
  const connection = await server.connection(0);
  connection.hello();
  connection.tell({ type: 'gap', reason: 'other-epoch', epoch: 'e1', cursor: '3-0' });
  connection.live('3-0');
  connection.alert(4);
  await eventually(() => assert.deepEqual(watched.cursors, ['4-0']));
  assert.deepEqual(
    watched.gaps.map(({ reason }) => reason),
    ['other-epoch'],
  );
});

test('a connection over which nothing comes is given up, and a server that does not hear is told of', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url });
  const silent = await server.connection(0);
  silent.hello({ heartbeat_s: 0.2 });
  silent.live('1-0');
  silent.tell({ type: 'heartbeat', epoch: 'e1', cursor: '1-0', live: false });
  const next = await server.connection(1);
  assert.deepEqual(
    watched.problems.map(({ code }) => code),
    ['silent'],
  );
  assert.deepEqual(watched.hearing, [false]);
  next.hello({ heartbeat_s: 0.2 });
  next.live('1-0');
  await eventually(() => assert.deepEqual(watched.hearing, [false, true]));
  // What another version of the server says is a sign of life.
  const until = performance.now() + 1500;
  while (performance.now() < until) {
    next.tell({ type: 'news', of: 'another version' });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(server.connections.length, 2);
});

test('a server that restarts says when to come back', async () => {
  await using server = await ScriptedAlerts.open();
  using _watched = watch({ url: server.url });
  const first = await server.connection(0);
  first.hello();
  first.tell({ type: 'reconnect', after_ms: 700 });
  const closedAt = performance.now();
  first.socket.close(1012);
  await server.connection(1);
  const waited = performance.now() - closedAt;
  assert.ok(waited > 600, `${waited} ms`);
});

for (const resume of [{ epoch: 'has a space', cursor: '1-0' }, { epoch: 'e1', cursor: '12' }, 'text', 7, {}]) {
  test(`a kept place that is damaged is a gap, and the client hears all the same: ${JSON.stringify(resume)}`, async () => {
    await using server = await ScriptedAlerts.open();
    using watched = watch({ url: server.url, resume: resume as never });
    const connection = await server.connection(0);
    connection.hello();
    await eventually(() => assert.equal(connection.said.length, 1));
    assert.ok(connection.said[0]?.type === 'subscribe' && connection.said[0].resume === undefined);
    connection.tell({ type: 'subscribed', epoch: 'e1', cursor: '5-0' });
    connection.live('5-0');
    connection.alert(7);
    await eventually(() => assert.deepEqual(watched.cursors, ['7-0']));
    assert.deepEqual(watched.gaps, [{ type: 'gap', reason: 'other-epoch', epoch: 'e1', cursor: '5-0' }]);
  });
}

test('no place at all is no gap', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url, resume: null });
  const connection = await server.connection(0);
  connection.hello();
  connection.tell({ type: 'subscribed', epoch: 'e1', cursor: '5-0' });
  connection.live('5-0');
  await eventually(() => assert.equal(watched.client.state, 'live'));
  assert.deepEqual(watched.gaps, []);
});

test('a place that the server does not take is let go, and filters that it does not take give way to those before', async () => {
  await using server = await ScriptedAlerts.open();
  const filters = [{ zones: ['here'] }];
  using watched = watch({ url: server.url, filters, resume: { epoch: 'e1', cursor: '5-0' } });
  const told: unknown[] = [];
  watched.client.on('filters', (set) => told.push(set));
  const first = await server.connection(0);
  const wrong = { type: 'error', code: 'invalid-message', detail: 'resume: this is none' };
  first.hello();
  await eventually(() => assert.equal(first.said.length, 1));
  first.tell(wrong);
  await eventually(() => assert.equal(first.said.length, 2));
  assert.ok(first.said[1]?.type === 'subscribe' && first.said[1].resume === undefined);
  assert.deepEqual(
    first.said[1].filters.map(({ zones }) => zones),
    [['here']],
  );
  first.tell({ type: 'subscribed', epoch: 'e1', cursor: '8-0' });
  first.live('8-0');
  await eventually(() => assert.equal(watched.gaps.length, 1));

  watched.client.subscribe([{ zones: ['there'] }]);
  await eventually(() => assert.equal(first.said.length, 3));
  first.tell(wrong);
  await eventually(() => assert.equal(watched.problems.length, 2));
  assert.deepEqual(told, []);
  watched.client.subscribe([{ zones: ['elsewhere'] }]);
  await eventually(() => assert.equal(first.said.length, 4));
  first.tell({ type: 'subscribed', epoch: 'e1', cursor: '8-0' });
  await eventually(() => assert.deepEqual(told, [[{ zones: ['elsewhere'] }]]));
  watched.client.subscribe([{ zones: ['nowhere'] }]);
  await eventually(() => assert.equal(first.said.length, 5));
  first.tell(wrong);
  await eventually(() => assert.equal(watched.problems.length, 3));
  first.socket.terminate();
  const second = await server.connection(1);
  second.hello();
  await eventually(() => assert.equal(second.said.length, 1));
  assert.ok(second.said[0]?.type === 'subscribe');
  assert.deepEqual(
    second.said[0].filters.map(({ zones }) => zones),
    [['elsewhere']],
  );
});

test('a token is sent first, asked for anew for each connection, and renewed before it ends', async () => {
  await using server = await ScriptedAlerts.open();
  let tokens = 0;
  using watched = watch({ url: server.url, token: async () => Promise.resolve(`token-${(tokens += 1)}`) });
  const first = await server.connection(0);
  first.hello({ token_required: true });
  await eventually(() => assert.equal(first.said.length, 2));
  assert.deepEqual(
    first.said.map(({ type }) => type),
    ['authenticate', 'subscribe'],
  );
  first.tell({ type: 'authenticated', account: 'app', expires_at: new Date(0).toISOString(), expires_in_s: 2.5 });
  await eventually(() => assert.deepEqual(first.said[2], { type: 'authenticate', token: 'token-2' }));
  first.tell({ type: 'error', code: 'token-expired', detail: 'the token has expired' });
  first.socket.close(1008);
  const second = await server.connection(1);
  second.hello({ token_required: true });
  await eventually(() => assert.deepEqual(second.said[0], { type: 'authenticate', token: 'token-3' }));
  assert.deepEqual(
    watched.problems.map(({ code }) => code),
    ['token-expired', 'connection-lost'],
  );
});

test('a token that cannot be had, or that is missing, is a problem and is asked for again', async () => {
  await using server = await ScriptedAlerts.open();
  using without = watch({ url: server.url });
  using failing = watch({ url: server.url, token: () => Promise.reject(new Error('no network')) });
  for (const index of [0, 1, 2]) (await server.connection(index)).hello({ token_required: true });
  await eventually(() => assert.match(without.problems[0]?.detail ?? '', /the option token/));
  await eventually(() => assert.equal(failing.problems[0]?.detail, 'no network'));
  assert.equal(failing.problems[0]?.code, 'no-token');
});

test('alerts come in a loop, which ends when the client is closed, and leaving one loop ends no other', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url });
  const { client } = watched;
  const all: string[] = [];
  const reading = (async () => {
    for await (const { cursor } of client) all.push(cursor);
  })();
  const firstOnly = (async () => {
    for await (const { cursor } of client) return cursor;
    return undefined;
  })();
  const connection = await server.connection(0);
  connection.hello();
  for (const ms of [1, 2, 3]) connection.alert(ms);
  assert.equal(await firstOnly, '1-0');
  await eventually(() => assert.equal(all.length, 3));
  client.close();
  await reading;
  assert.equal(client.state, 'closed');
  assert.equal(await connection.closed, 1000);
  for await (const alert of client) assert.fail(`a closed client told ${alert.cursor}`);
});

test('new filters are said at once, or with the next connection', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url });
  const first = await server.connection(0);
  first.hello();
  first.live('1-0');
  await eventually(() => assert.equal(watched.client.state, 'live'));
  watched.client.subscribe([{ min_severity: 'Extreme' }]);
  await eventually(() => assert.equal(first.said.length, 2));
  first.socket.terminate();
  await eventually(() => assert.notEqual(watched.client.state, 'live'));
  watched.client.subscribe([{ min_severity: 'Minor' }]);
  const second = await server.connection(1);
  second.hello();
  await eventually(() => assert.equal(second.said.length, 1));
  const [said] = second.said;
  assert.ok(said?.type === 'subscribe' && said.filters[0]?.min_severity === 'Minor');
});

test('a closed client stays closed, whenever that is, and an address that is none is an error at once', async () => {
  await using server = await ScriptedAlerts.open();
  const early = watch({ url: server.url });
  early.client.close();
  const waiting = watch({ url: 'ws://127.0.0.1:1/ws/alerts' });
  await eventually(() => assert.equal(waiting.client.state, 'waiting'));
  waiting.client.close();
  waiting.client.reconnectNow();
  assert.equal(waiting.client.state, 'closed');
  assert.throws(() => watch({ url: 'nonsense' }), /URL/i);
  // Node 22 has one of its own.
  if (!('WebSocket' in globalThis)) assert.throws(() => new AlertClient({ url: server.url }), /package "ws"/);
  assert.equal(early.client.state, 'closed');
});

test('a listener that throws is reported, and keeps nobody else from hearing', async (context) => {
  await using server = await ScriptedAlerts.open();
  const reported = context.mock.method(console, 'error', () => undefined);
  using throwing = watch({ url: server.url });
  for (const type of ['state', 'place', 'alert', 'problem'] as const) {
    throwing.client.on(type, () => {
      throw new Error(`the listener of ${type}`);
    });
  }
  const cursors: string[] = [];
  throwing.client.on('alert', ({ cursor }) => cursors.push(cursor));
  const first = await server.connection(0);
  first.hello();
  first.alert(1);
  first.alert(2);
  await eventually(() => assert.deepEqual(cursors, ['1-0', '2-0']));
  first.socket.terminate();
  const second = await server.connection(1);
  second.hello();
  await eventually(() => assert.equal(second.said.length, 1));
  assert.ok(reported.mock.callCount() >= 5, `${reported.mock.callCount()} errors were reported`);
});

for (const what of ['close', 'reconnectNow'] as const) {
  test(`${what} in a listener that is told that the connection is lost has its way, and leaves one connection at most`, async () => {
    await using server = await ScriptedAlerts.open();
    using watched = watch({ url: server.url });
    watched.client.on('state', (state) => {
      if (state === 'waiting') watched.client[what]();
    });
    const first = await server.connection(0);
    first.hello();
    await eventually(() => assert.equal(first.said.length, 1));
    first.socket.terminate();
    if (what === 'reconnectNow') (await server.connection(1)).hello();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(server.connections.length, what === 'close' ? 1 : 2);
    assert.equal(watched.client.state, what === 'close' ? 'closed' : 'catching-up');
    watched.client.close();
    for (const { closed } of server.connections) await closed;
  });
}

test('filters that change many times a second are said twice a second, the last ones at last', async () => {
  await using server = await ScriptedAlerts.open();
  using watched = watch({ url: server.url });
  const connection = await server.connection(0);
  connection.hello();
  connection.live('1-0');
  await eventually(() => assert.equal(watched.client.state, 'live'));
  const beganMs = performance.now();
  for (let radius = 1; radius <= 30; radius += 1) {
    watched.client.subscribe([{ near: { lat: 0, lon: 0, radius_m: radius } }]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await eventually(() => {
    const last = connection.said.at(-1);
    assert.ok(last?.type === 'subscribe' && last.filters[0]?.near?.radius_m === 30, 'not the last filters');
  });
  // The hello, the first ones, and two in each second of it, however long a busy machine takes.
  const most = 3 + (2 * (performance.now() - beganMs)) / 1000;
  assert.ok(connection.said.length <= most, `${connection.said.length} messages`);
});
