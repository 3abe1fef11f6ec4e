import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { alertMessageSchema, serverMessageSchema, type ServerMessage } from '../../../contracts/alert-stream.ts';
import { compareCursors, parseCursor } from '../../../contracts/cursor.ts';
import type { TestAlertLog } from '../../support/alert-log.ts';
import type { RunningBroadcaster } from '../../support/running-broadcaster.ts';
import { startAlertStream, type TestAlertStream } from '../../support/alert-stream.ts';
import { eventually } from '../../support/eventually.ts';

let platform: TestAlertStream;
let broadcaster: RunningBroadcaster;
let log: TestAlertLog;

before(async () => {
  platform = await startAlertStream({ TELLTALE_BROADCASTER_HEARTBEAT_S: '2' });
  ({ broadcaster, log } = platform);
});
after(async () => {
  await platform[Symbol.asyncDispose]();
});

interface Event {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: ServerMessage;
}

/** Reads events as the HTML Standard says, section 9.2.6. */
class EventReader implements Disposable {
  readonly response: IncomingMessage;
  readonly events: Event[] = [];
  lastEventId = '';
  retryMs: number | undefined;
  readonly ended: Promise<unknown>;
  #text = '';

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#read(text));
    response.on('error', () => undefined);
    this.ended = once(response, 'close');
  }

  get subjects(): readonly string[] {
    return this.events.flatMap(({ type, data }) => (type === 'alert' ? alertMessageSchema.parse(data).subject : []));
  }

  #read(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      const fields = new Map(
        this.#text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      this.#text = this.#text.slice(end + 2);
      if (fields.has('retry')) this.retryMs = Number(fields.get('retry'));
      const id = fields.get('id');
      if (id !== undefined) this.lastEventId = id;
      const data = fields.get('data');
      if (data === undefined) continue;
      this.events.push({ id, type: fields.get('event') ?? '', data: serverMessageSchema.parse(JSON.parse(data)) });
    }
  }

  async told(type: string): Promise<ServerMessage> {
    return await eventually(() => {
      const event = this.events.findLast((each) => each.type === type);
      assert.ok(event, `no ${type}`);
      return event.data;
    });
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}

async function listen(query: string, lastEventId?: string, to = broadcaster): Promise<EventReader> {
  const request = get(`${to.httpUrl}/alerts/stream${query}`, {
    headers: { accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/event-stream');
  return new EventReader(response);
}

test('events of the alerts that a query asks for, and after a break what was missed, each once', async () => {
  const first = await listen('?zones=here&status=Test');
  await first.told('live');
  assert.ok(first.retryMs !== undefined);
  await log.append('raised', { subject: 'one', zones: ['here'] });
  await log.append('raised', { subject: 'elsewhere', zones: ['there'] });
  await eventually(() => assert.deepEqual(first.subjects, ['one']));
  first[Symbol.dispose]();
  await eventually(async () => assert.equal(await broadcaster.metric('sse_connections'), 0));
  await log.append('raised', { subject: 'two', zones: ['here'] });
  await log.append('raised', { subject: 'three', zones: ['here'] });
  using again = await listen('?zones=here&status=Test', first.lastEventId);
  await again.told('live');
  await log.append('raised', { subject: 'four', zones: ['here'] });
  await eventually(() => assert.deepEqual(again.subjects, ['two', 'three', 'four']));
  assert.equal(again.events.at(-1)?.id, again.lastEventId);
});

test('a heartbeat moves on where a client goes on from, so that a quiet one is not told of a gap', async () => {
  using quiet = await listen('?zones=nowhere');
  await quiet.told('live');
  const before = quiet.lastEventId;
  await log.append('raised', { subject: 'noise' });
  await quiet.told('heartbeat');
  await eventually(() => assert.notEqual(quiet.lastEventId, before));
});

for (const id of ['another/5-0', 'nonsense', '/', 'x/y/z', '9'.repeat(300)]) {
  test(`the event id ${id.slice(0, 20)} of nobody is a gap`, async () => {
    using stream = await listen('', id);
    const gap = await stream.told('gap');
    assert.ok(gap.type === 'gap' && gap.reason === 'other-epoch');
    await stream.told('live');
  });
}

/** More than the kernel takes for a client that does not read. */
async function raiseMuch(): Promise<void> {
  const headline = 'x'.repeat(8000);
  for (let round = 0; round < 10; round += 1) await log.raise(200, { zones: ['much'], headline });
}

test('a client that reads slowly gets everything in its order, each once', async () => {
  using slow = await listen('?status=Test');
  await slow.told('live');
  slow.response.pause();
  await raiseMuch();
  slow.response.resume();
  const events = slow.events;
  // One that has taken nothing for too long comes back, as EventSource does.
  await eventually(async () => {
    if (!slow.response.destroyed) assert.equal(slow.subjects.length, 2000);
    else if (events.length < 2000) {
      using again = await listen('?status=Test', slow.lastEventId);
      await again.told('live');
      events.push(...again.events);
    }
  });
  assert.equal(new Set(slow.subjects).size, 2000);
  assert.equal(slow.subjects.length, 2000);
  const ids = events.flatMap(({ type, id }) => (type === 'alert' ? (id?.split('/')[1] ?? '') : []));
  const inOrder = [...ids].sort((one, other) => {
    const [a, b] = [parseCursor(one), parseCursor(other)];
    assert.ok(a !== undefined && b !== undefined);
    return compareCursors(a, b);
  });
  assert.deepEqual(ids, inOrder);
});

test('a client that never reads is closed and counted, and the others get everything', async () => {
  using deaf = await listen('?status=Test');
  await deaf.told('live');
  deaf.response.pause();
  using reader = await listen('?status=Test');
  await reader.told('live');
  await raiseMuch();
  await eventually(() => assert.equal(reader.subjects.length, 2000));
  await eventually(async () =>
    assert.ok((await broadcaster.metric('ws_slow_consumer_closed_total')) >= 1, 'not counted'),
  );
  await eventually(async () => assert.equal(await broadcaster.metric('sse_connections'), 1));
});

test('what a client did not take in time goes out when it reads again, without waiting for something new', async () => {
  await using quiet = await startAlertStream({ TELLTALE_BROADCASTER_HEARTBEAT_S: '50' });
  using slow = await listen('?status=Test', undefined, quiet.broadcaster);
  await slow.told('live');
  slow.response.pause();
  // One write, of which the kernel takes a part, and nothing after it.
  await quiet.log.append('raised', { subject: 'large', headline: 'x'.repeat(8_000_000) });
  await delay(500);
  slow.response.resume();
  await eventually(() => assert.deepEqual(slow.subjects, ['large']));
});

test('EventSource, which a refusal would end for good, is told when to come back, on a page of another origin too', async () => {
  const origin = 'https://app.example.org';
  await using full = await startAlertStream({
    TELLTALE_BROADCASTER_MAX_PER_ADDRESS: '1',
    TELLTALE_BROADCASTER_ORIGINS: origin,
  });
  using first = await listen('', undefined, full.broadcaster);
  await first.told('live');
  using refused = await listen('', undefined, full.broadcaster);
  await refused.ended;
  assert.deepEqual(refused.events, []);
  assert.ok(refused.retryMs !== undefined && refused.retryMs >= 1000, `${refused.retryMs}`);
  const url = `${full.broadcaster.httpUrl}/alerts/stream`;
  const ofPage = await fetch(url, { headers: { origin } });
  assert.equal(ofPage.status, 200);
  assert.equal(ofPage.headers.get('access-control-allow-origin'), origin);
  assert.match(await ofPage.text(), /^retry: \d+\n/);
  const ofAnother = await fetch(url, { headers: { origin: 'https://elsewhere.example' } });
  assert.equal(ofAnother.status, 403);
  assert.equal(await full.broadcaster.metric('ws_refused_total'), 3);
});

test('a stop tells every client when to come back, and ends its stream', async () => {
  const streams = await Promise.all(Array.from({ length: 5 }, () => listen('')));
  for (const stream of streams) await stream.told('live');
  const { code } = await broadcaster.running.stop(5000);
  assert.equal(code, 0);
  for (const stream of streams) await stream.ended;
  await broadcaster.start();
});
