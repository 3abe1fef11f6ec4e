import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMITTED_PACK_FIELD, encodeAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import { loadIngestConfig } from '../../../services/ingest/config.ts';
import { numberReading } from '../../support/admitted-packs.ts';
import { loadComposeFile } from '../../support/compose-file.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const ENTRIES = 20_000;
const AT_ONCE = 1000;
const DEVICES = 500;
const MEBIBYTE = 1024 * 1024;
/** What was stored and waits to be evaluated may be as many times more, see services/ingest/admit. */
const STORED_FACTOR = 4;
/** For the registry, replay windows, alerts and dead letters. */
const SHARE_OF_BACKLOG = 0.75;

let server: TestRedis;
let redis: Redis;
before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  await redis.config('SET', 'appendfsync', 'no');
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

/** As ingest encodes what an accelerometer sends: numbers with all their digits. */
function packOf(index: number, readings: number): string {
  const receivedUs = 1_790_000_000_000_000 + index * 1000;
  const origin = {
    device: `accelerometer-${index % DEVICES}`,
    key: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    nonce: receivedUs,
    createdUs: receivedUs - 500_000,
    receivedUs,
  };
  const taken = Array.from({ length: readings }, (_, each) =>
    numberReading(
      ['accel_x', 'accel_y', 'accel_z'][each % 3] ?? '',
      receivedUs - each * 32_000,
      Math.sin(index + each),
    ),
  );
  return encodeAdmittedPack(origin, taken);
}

async function usedMemory(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

/** Of an entry in a log that is as large as one may grow. */
async function measureEntry(readings: number): Promise<number> {
  const stream = redisKeys.readings(readings);
  const empty = await usedMemory();
  for (let from = 0; from < ENTRIES; from += AT_ONCE) {
    const pipeline = redis.pipeline();
    for (let index = from; index < from + AT_ONCE; index += 1) {
      pipeline.xadd(stream, '*', ADMITTED_PACK_FIELD, packOf(index, readings));
    }
    await pipeline.exec();
  }
  const bytes = ((await usedMemory()) - empty) / ENTRIES;
  await redis.del(stream);
  return bytes;
}

test('the backlog of docker-compose.yml fits into its Redis, and leaves room for the rest', async (context) => {
  const maxMemory =
    Number(/^maxmemory (\d+)mb$/m.exec(readFileSync('deploy/docker/redis.conf', 'utf8'))?.[1]) * MEBIBYTE;
  const { environment = {} } = loadComposeFile().services['ingest'] ?? {};
  const { TELLTALE_INGEST_MAX_BACKLOG: backlog, TELLTALE_SHARDS: shards } = loadIngestConfig({
    REDIS_URL: 'redis://127.0.0.1',
    TELLTALE_INGEST_MAX_BACKLOG: environment['TELLTALE_INGEST_MAX_BACKLOG'],
  });
  const [one, ten, thirty] = [await measureEntry(1), await measureEntry(10), await measureEntry(30)];
  context.diagnostic(`bytes an entry: ${[one, ten, thirty].map(Math.round).join(', ')} with 1, 10, 30 readings`);
  const fits = (entries: number, bytes: number, share: number): void => {
    const needed = entries * shards * bytes;
    assert.ok(needed <= maxMemory * share, `${Math.round(needed / MEBIBYTE)} of ${maxMemory / MEBIBYTE} MiB`);
  };
  fits(backlog, thirty, SHARE_OF_BACKLOG);
  fits(backlog * STORED_FACTOR, one, 1);
});
