import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { createLogger } from '../../../platform/log/logger.ts';
import { GroupReader, type ReadableStreams } from '../../../platform/redis/group-reader.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const [GROUP, FIELD] = ['group', 'value'];

let server: TestRedis;
let redis: Redis;
let streams: readonly string[];
let last = 0;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

/** Two streams of their own for a test, with a reader. */
async function begin(): Promise<GroupReader> {
  last += 1;
  streams = [`a${last}`, `b${last}`];
  for (const stream of streams) await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
  return another();
}

const another = (): GroupReader =>
  new GroupReader({ reader: redis, group: GROUP, consumer: 'same', field: FIELD, count: () => 10 });

/** Both streams, as somebody with this token has them. */
const mine = (token = 1): ReadableStreams => new Map(streams.map((stream) => [stream, token]));

async function add(...values: readonly string[]): Promise<void> {
  for (const [index, value] of values.entries()) await redis.xadd(streams[index % 2] ?? '', '*', FIELD, value);
}

type Entries = ReadonlyMap<string, readonly StreamEntry[]>;
const valuesOf = (entries: Entries): (string | undefined)[] => [...entries.values()].flat().map(({ value }) => value);

/** Passes until nothing is left for a while, acknowledging what is read. */
async function drain(reader: GroupReader, passes: number): Promise<(string | undefined)[][]> {
  const seen: (string | undefined)[][] = [];
  for (let i = 0; i < passes; i += 1) {
    await reader.pass(mine(), async (entries) => {
      seen.push(valuesOf(entries));
      for (const [stream, inStream] of entries) {
        if (inStream.length > 0) await redis.xack(stream, GROUP, ...inStream.map(({ id }) => id));
      }
    });
  }
  return seen;
}

test('what comes is read once, from all streams together, and nothing is handed over when there is nothing', async () => {
  const reader = await begin();
  await add('1', '2', '3');
  assert.deepEqual(await drain(reader, 3), [['1', '3', '2']]);
  await add('4');
  assert.deepEqual(await drain(reader, 1), [['4']]);
});

test('what could not be handled is read again before anything new', async () => {
  const reader = await begin();
  await drain(reader, 1);
  await add('1');
  const failure = new Error('the database is away');
  await assert.rejects(
    reader.pass(mine(), () => Promise.reject(failure)),
    failure,
  );
  await add('2');
  assert.deepEqual(await drain(reader, 4), [['1'], ['2']]);
});

test('a reader that takes over begins with what another one left unacknowledged', async () => {
  const first = await begin();
  await drain(first, 1);
  await add('1', '2');
  await first.pass(mine(), () => Promise.resolve());
  await add('3');
  assert.deepEqual(await drain(another(), 4), [['1', '2'], ['3']]);
});

test("a stream that was somebody else's meanwhile is read from what that one left", async () => {
  const reader = await begin();
  const values: (string | undefined)[][] = [];
  const pass = (token: number) =>
    reader.pass(mine(token), async (entries) => {
      values.push(valuesOf(entries));
      for (const [stream, inStream] of entries) {
        if (inStream.length > 0) await redis.xack(stream, GROUP, ...inStream.map(({ id }) => id));
      }
    });
  await pass(1);
  await add('1');
  await another().pass(mine(2), () => Promise.resolve());
  await another().pass(mine(2), () => Promise.resolve());
  const late = another();
  await late.pass(mine(2), () => Promise.resolve());
  await redis.xreadgroup('GROUP', GROUP, 'same', 'COUNT', 10, 'STREAMS', ...streams, ...streams.map(() => '>'));
  await add('2');
  await pass(3);
  await pass(3);
  await pass(3);
  assert.deepEqual(values, [['1'], ['2']]);
});

test('what somebody read who had lost the stream without knowing, and died, is found after a while', async () => {
  await begin();
  const options = { reader: redis, group: GROUP, consumer: 'same', field: FIELD, count: () => 10, lookBackEveryMs: 50 };
  const reader = new GroupReader(options);
  await drain(reader, 2);
  await add('1');
  await redis.xreadgroup('GROUP', GROUP, 'same', 'COUNT', 10, 'STREAMS', ...streams, ...streams.map(() => '>'));
  await delay(60);
  assert.deepEqual(await drain(reader, 2), [['1']]);
});
