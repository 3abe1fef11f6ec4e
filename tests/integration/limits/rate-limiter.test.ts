import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LimitPolicy } from '../../../core/limits/gcra.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import type { Count } from '../../../services/ingest/limit/limit-script.ts';
import { RateLimiter, type RateLimits } from '../../../services/ingest/limit/rate-limiter.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

let server: TestRedis;
let redis: Redis;

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'fail-fast' }, createLogger('test', 'silent'));
  await waitForRedis(redis, 10_000);
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

const HOUR_S = 3600;
const WIDE: LimitPolicy = { name: 'wide', quota: 1_000_000, windowS: 1 };
const policies = (burst: number, sustained: number): readonly LimitPolicy[] => [
  { name: 'burst', quota: burst, windowS: HOUR_S },
  { name: 'sustained', quota: sustained, windowS: 24 * HOUR_S },
];
const limiter = (limits: Partial<RateLimits>): RateLimiter =>
  new RateLimiter(redis, 16, { device: () => policies(1000, 1000), address: [WIDE], overall: WIDE, ...limits });
const nowUs = (): number => Date.now() * 1000;
const names = (verdicts: readonly Count[]): string[] =>
  verdicts.map((verdict) => (verdict.allowed ? 'allowed' : verdict.refusedBy.name));

test('a device passes as often as its tightest policy says, also within one event-loop turn', async () => {
  const requester = { deviceId: 'd1', deviceClass: 'fixed', address: undefined };
  const limits = limiter({ device: () => policies(3, 5) });
  const verdicts = await Promise.all(Array.from({ length: 5 }, () => limits.decide(requester, nowUs())));
  assert.deepEqual(names(verdicts), ['allowed', 'allowed', 'allowed', 'burst', 'burst']);
  const [, , third, refused] = verdicts;
  assert.ok(third?.allowed === true && third.remaining === 0 && third.scarcest.name === 'burst');
  assert.ok(refused?.allowed === false && refused.waitUs > 1190e6 && refused.waitUs <= 1200e6);
});

test('what one policy refuses does not count for the other', async () => {
  const requester = { deviceId: 'd2', deviceClass: 'fixed', address: undefined };
  const limits = limiter({
    device: () => [
      { name: 'burst', quota: 2, windowS: 1 },
      { name: 'sustained', quota: 4, windowS: HOUR_S },
    ],
  });
  const seen: string[] = [];
  await eventually(async () => {
    seen.push(...names([await limits.decide(requester, nowUs())]));
    assert.equal(seen.at(-1), 'sustained');
  });
  assert.equal(seen.filter((name) => name === 'allowed').length, 4);
  assert.ok(seen.filter((name) => name === 'burst').length > 4);
});

test('devices do not count for each other, and classes have limits of their own', async () => {
  const limits = limiter({ device: (deviceClass) => (deviceClass === 'mobile' ? policies(1, 1) : policies(2, 2)) });
  const ask = (deviceId: string, deviceClass: string) =>
    limits.decide({ deviceId, deviceClass, address: undefined }, nowUs());
  const verdicts = [
    await ask('d3', 'mobile'),
    await ask('d3', 'mobile'),
    await ask('d4', 'fixed'),
    await ask('d4', 'fixed'),
  ];
  assert.deepEqual(names(verdicts), ['allowed', 'burst', 'allowed', 'allowed']);
});

test('an address counts for all devices behind it', async () => {
  const address: LimitPolicy = { name: 'address', quota: 3, windowS: HOUR_S };
  const limits = limiter({ address: [address] });
  const ask = (deviceId: string, from: string) =>
    limits.decide({ deviceId, deviceClass: 'fixed', address: from }, nowUs());
  const verdicts = await Promise.all(['e1', 'e2', 'e3', 'e4'].map((id) => ask(id, '203.0.113.1')));
  assert.deepEqual(names(verdicts), ['allowed', 'allowed', 'allowed', 'address']);
  assert.deepEqual(names([await ask('e5', '203.0.113.2')]), ['allowed']);
});

test('the process has a limit of its own, which asks nobody', async () => {
  const limits = limiter({ overall: { name: 'overall', quota: 2, windowS: HOUR_S } });
  const requester = { deviceId: 'f1', deviceClass: 'fixed', address: undefined };
  const verdicts = [];
  for (let i = 0; i < 3; i += 1) verdicts.push(await limits.decide(requester, nowUs()));
  assert.deepEqual(names(verdicts), ['allowed', 'allowed', 'overall']);
});

test('a flood gets exactly its quota and what comes back meanwhile', async () => {
  const policy = { name: 'burst', quota: 20, windowS: 1 };
  const limits = limiter({ device: () => [policy] });
  const requester = { deviceId: 'flood', deviceClass: 'fixed', address: undefined };
  const startedMs = performance.now();
  let passed = 0;
  while (performance.now() - startedMs < 1000) {
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => limits.decide(requester, nowUs())));
    passed += verdicts.filter((verdict) => verdict.allowed).length;
  }
  const refilled = (performance.now() - startedMs) / 50;
  assert.ok(
    passed >= 20 + Math.floor(refilled) - 2 && passed <= 20 + Math.ceil(refilled) + 1,
    `${passed}, ${refilled}`,
  );
});

test('the state of one who is silent vanishes after a minute, or when the allowance is whole again', async () => {
  const ttlAfter = async (deviceId: string, windowS: number): Promise<number> => {
    const limits = limiter({ device: () => [{ name: 'sustained', quota: 1, windowS }] });
    await limits.decide({ deviceId, deviceClass: 'fixed', address: undefined }, nowUs());
    const [key = ''] = await redis.keys(`tt:*:limit:${deviceId}`);
    return (await redis.pttl(key)) / 1000;
  };
  const [short, long] = [await ttlAfter('silent', 1), await ttlAfter('silent-for-long', HOUR_S)];
  assert.ok(short > 55 && short <= 60, String(short));
  assert.ok(long > HOUR_S - 5 && long <= HOUR_S, String(long));
});

test('counting costs no write to the append-only file', async () => {
  const size = async (): Promise<string | undefined> =>
    /aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1];
  await redis.set('something', 'to be written');
  const before = await size();
  assert.ok(Number(before) > 0);
  const requester = { deviceId: 'h1', deviceClass: 'fixed', address: '203.0.113.7' };
  for (let i = 0; i < 20; i += 1) await limiter({}).decide(requester, nowUs());
  assert.equal(await size(), before);
});

test('without Redis the question is not answered', async () => {
  server.pause();
  try {
    const requester = { deviceId: 'g1', deviceClass: 'fixed', address: '203.0.113.9' };
    await assert.rejects(limiter({}).decide(requester, nowUs()));
  } finally {
    server.resume();
  }
});
