import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { waitForRedis } from '../../../platform/redis/open-redis.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send, type RawResponse } from '../../support/raw-http.ts';

const FROZEN_ANSWER_WITHIN_MS = 3900;

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform();
});
after(() => platform[Symbol.asyncDispose]());

function assertComeBack(response: RawResponse): void {
  assertProblem(response, 503, 'temporary-reduced-capacity');
  const retryAfter = response.headers.get('retry-after');
  assert.match(retryAfter ?? '', /^[1-5]$/);
}

/** With the data that it had; the test's own connection is back as well. */
async function restart(): Promise<void> {
  await platform.stores.server.restart();
  await waitForRedis(platform.stores.redis, 10_000);
}

async function isReady(): Promise<boolean> {
  return (await fetch(`${platform.ingest.adminUrl}/readyz`)).status === 200;
}

for (const { way, take } of [
  { way: 'is stopped', take: () => platform.stores.server.stop() },
  { way: 'is killed', take: () => platform.stores.server.kill9() },
]) {
  test(`while Redis ${way} a device is told to come back, and after its restart it is served again by itself`, async () => {
    const known = await platform.addDevice();
    const unseen = await platform.addDevice();
    const before = known.request();
    assertAccepted(await send(platform.port, before), 1);

    await take();
    const during = known.request();
    for (const request of [during, unseen.request(), known.request({ apiKey: unseen.apiKey.text })]) {
      assertComeBack(await send(platform.port, request));
    }
    assert.equal(await isReady(), false);

    await restart();
    await eventually(async () => assertAccepted(await send(platform.port, unseen.request()), 1));
    await eventually(async () => assert.equal(await isReady(), true));
    assertAccepted(await send(platform.port, during), 1);
    assertProblem(await send(platform.port, before), 409, 'replay-detected');
    assert.deepEqual((await platform.admitted(known)).map(({ nonce }) => nonce).length, 2);
  });
}

test('the waits that a fleet is told are spread', async () => {
  const device = await platform.addDevice();
  await platform.stores.server.stop();
  const responses = await Promise.all(Array.from({ length: 100 }, () => send(platform.port, device.request())));
  await restart();
  for (const response of responses) assertComeBack(response);
  assert.deepEqual([...new Set(responses.map(({ headers }) => headers.get('retry-after')))].sort(), [
    '1',
    '2',
    '3',
    '4',
    '5',
  ]);
  await eventually(async () => assertAccepted(await send(platform.port, device.request()), 1));
});

test('a Redis that hangs is not waited for, and what it took then is a replay and not a loss', async () => {
  const device = await platform.addDevice();
  assertAccepted(await send(platform.port, device.request()), 1);
  const requests = Array.from({ length: 20 }, () => device.request());
  platform.stores.server.pause();
  const startedMs = performance.now();
  const responses = await Promise.all(requests.map((request) => send(platform.port, request)));
  const tookMs = performance.now() - startedMs;
  platform.stores.server.resume();
  for (const response of responses) assertComeBack(response);
  assert.ok(tookMs < FROZEN_ANSWER_WITHIN_MS, `${tookMs} ms`);

  for (const request of requests) {
    const response = await eventually(async () => {
      const answer = await send(platform.port, request);
      assert.notEqual(answer.status, 503);
      return answer;
    });
    if (response.status === 409) assertProblem(response, 409, 'replay-detected');
    else assertAccepted(response, 1);
  }
  assert.equal((await platform.admitted(device)).length, 1 + requests.length);
});

test('a device is told to come back while no log has begun, and is served as soon as one has', async () => {
  const { redis } = platform.stores;
  const device = await platform.addDevice();
  await redis.del(...[0, 1, 2, 3].map((shard) => redisKeys.epoch(shard)));
  const request = device.request();
  assertComeBack(await send(platform.port, request));
  await platform.registry.beginLogs();
  // The database knows that there was a log before: what was signed until now is refused.
  assertProblem(await send(platform.port, request), 409, 'nonce-too-old');
  assert.deepEqual(await platform.admitted(device), []);
});

test('outages are logged without a stack trace for each device', () => {
  const loud = platform.ingest.log.filter((line) => !line.includes('"level":20'));
  assert.deepEqual(
    loud.filter((line) => /"stack":"[^"]/.test(line)),
    [],
  );
  assert.ok(loud.length < 40, loud.join(''));
});
