import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ALL, type AlertSubscriber } from '../../support/alert-subscriber.ts';
import type { TestAlertLog } from '../../support/alert-log.ts';
import type { RunningBroadcaster } from '../../support/running-broadcaster.ts';
import { startAlertStream, type TestAlertStream } from '../../support/alert-stream.ts';
import { eventually } from '../../support/eventually.ts';

let platform: TestAlertStream;
let broadcaster: RunningBroadcaster;
let log: TestAlertLog;
let innocent: AlertSubscriber;

before(async () => {
  platform = await startAlertStream();
  ({ broadcaster, log } = platform);
  innocent = await broadcaster.connect();
});
after(async () => {
  await platform[Symbol.asyncDispose]();
});

/** What one client does harms nobody else. */
async function assertUnharmed(): Promise<void> {
  const before = innocent.frames.length;
  await log.raise(1);
  await eventually(() => assert.equal(innocent.frames.length, before + 1));
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const subscribeTo = (filters: unknown): string => JSON.stringify({ type: 'subscribe', filters });

const ends: readonly (readonly [string, string | Buffer, number])[] = [
  ['nothing', '', 1007],
  ['no JSON', 'hello', 1007],
  ['half a message', '{"type":"subscribe"', 1007],
  ['a binary frame', Buffer.from('{"type":"subscribe"}'), 1008],
  ['a binary frame of nothing', Buffer.alloc(0), 1008],
  ['a message that is too large', `"${'x'.repeat(20_000)}"`, 1009],
  ['one that just fits into what is read', `"${'x'.repeat(65_000)}"`, 1009],
];

for (const [what, message, code] of ends) {
  test(`${what} ends the connection with ${code}`, async () => {
    const client = await broadcaster.open();
    client.socket.send(message);
    assert.equal(await client.closed, code);
    await client.told('error');
    await assertUnharmed();
  });
}

const refused: readonly (readonly [string, string])[] = [
  ['null', 'null'],
  ['a number', '1e400'],
  ['deep nesting', nested(7000)],
  ['a message without a type', '{}'],
  ['a type that is none', '{"type":"unsubscribe"}'],
  ['a prototype', '{"__proto__":{"type":"subscribe"},"constructor":1}'],
  ['a member that is none', '{"type":"subscribe","filter":[]}'],
  ['no filter', subscribeTo([])],
  ['filters that are none', subscribeTo({})],
  ['a deep filter', `{"type":"subscribe","filters":${nested(5000)}}`],
  ['a huge zone', subscribeTo([{ zones: ['z'.repeat(10_000)] }])],
  ['many filters', subscribeTo(Array.from({ length: 500 }, () => ({})))],
  ['numbers that are none', '{"type":"subscribe","filters":[{"bbox":[1e999,0,0,0]}]}'],
  ['a huge epoch', JSON.stringify({ type: 'resume', epoch: 'e'.repeat(10_000), cursor: '0-0' })],
  ['a huge cursor', JSON.stringify({ type: 'resume', epoch: 'e', cursor: `${'9'.repeat(5000)}-0` })],
  ['a negative cursor', JSON.stringify({ type: 'resume', epoch: 'e', cursor: '-1-0' })],
  ['a token where none is needed', JSON.stringify({ type: 'authenticate', token: 'x' })],
];

for (const [what, message] of refused) {
  test(`${what} is refused, and the connection goes on`, async () => {
    const client = await broadcaster.open();
    client.socket.send(message);
    const { code, detail } = await client.told('error');
    assert.ok(['invalid-message', 'unknown-type'].includes(code), code);
    assert.ok(detail.length < 600);
    client.say({ type: 'subscribe', filters: ALL });
    await client.told('live');
    client.socket.close();
  });
}

test('a message in fragments is a message', async () => {
  const client = await broadcaster.open();
  const text = subscribeTo(ALL);
  for (const char of text.slice(0, -1)) client.socket.send(char, { fin: false });
  client.socket.send(text.slice(-1), { fin: true });
  await client.told('live');
  client.socket.close();
});

test('fragments without an end, frames that no limit lets in and text that is no UTF-8 end the connection', async () => {
  // uWebSockets ends these by itself, before we see them and without a close code.
  const endless = await broadcaster.open();
  for (let count = 0; count < 100; count += 1) endless.socket.send('x'.repeat(1000), { fin: false });
  const huge = await broadcaster.open();
  huge.socket.send('x'.repeat(1024 * 1024));
  const noUtf8 = await broadcaster.open();
  noUtf8.socket.send(Buffer.from([0xff, 0xfe, 0xc0]), { binary: false });
  for (const client of [endless, huge, noUtf8]) assert.ok([1006, 1007, 1009].includes(await client.closed));
  await assertUnharmed();
});

test('a flood of messages, good or bad, ends the connection with 1008', async () => {
  for (const message of [
    subscribeTo(ALL),
    '{"type":"nothing"}',
    JSON.stringify({ type: 'resume', epoch: 'e', cursor: '0-0' }),
  ]) {
    const client = await broadcaster.open();
    for (let count = 0; count < 200; count += 1) client.socket.send(message);
    assert.equal(await client.closed, 1008);
    assert.equal((await client.told('error')).code, 'too-many-messages');
  }
  await assertUnharmed();
});

test('whatever a client sends, it ends with a code that fits or not at all, and nobody else notices', async () => {
  const json = fc.json({ maxDepth: 5 });
  const message = fc.oneof(
    fc.string({ maxLength: 200 }),
    json,
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .record({
        type: fc.constantFrom('subscribe', 'resume', 'authenticate'),
        filters: fc.jsonValue(),
        resume: fc.jsonValue(),
      })
      .map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 5 }), fc.boolean(), async (messages, isAbrupt) => {
      const client = await broadcaster.open();
      for (const each of messages) client.socket.send(each);
      if (isAbrupt) client.socket.terminate();
      else client.socket.close(1000);
      assert.ok([1000, 1005, 1006, 1007, 1008, 1009].includes(await client.closed));
    }),
    { numRuns: 200 },
  );
  await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 1));
  await assertUnharmed();
});
