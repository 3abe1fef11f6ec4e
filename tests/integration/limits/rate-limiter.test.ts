import assert from 'node:assert/strict';
import { after, afterEach, before, test, type TestContext } from 'node:test';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis, type Redis } from '../../../platform/redis/open-redis.ts';
import type { LimitVerdict } from '../../../services/ingest/limit/allowance.ts';
import { RateLimiter, type RateLimits, type Requester } from '../../../services/ingest/limit/rate-limiter.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = createLogger('test', 'silent');

let server: TestRedis;
let redis: Redis;
const opened: RateLimiter[] = [];

before(async () => {
  server = await startRedis();
  redis = openRedis({ url: server.url, name: 'test', manner: 'fail-fast' }, log);
  await waitForRedis(redis, 10_000);
});
afterEach(() => {
  for (const limits of opened.splice(0)) limits.close();
});
after(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

const HOUR_S = 3600;
const WIDE: LimitPolicy = { name: 'wide', quota: 1_000_000, windowS: 1 };
const hourly = (name: string, quota: number): LimitPolicy => ({ name, quota, windowS: HOUR_S });
const policies = (burst: number, sustained: number): readonly LimitPolicy[] => [
  hourly('burst', burst),
  { name: 'sustained', quota: sustained, windowS: 24 * HOUR_S },
];

/** Each is a process of its own. The device's policies are one array, as the limiter wants them. */
function openLimiter(limits: Partial<RateLimits>, store = redis): RateLimiter {
  const usual = policies(1000, 1000);
  const all = { device: () => usual, address: [WIDE], overall: [WIDE], ...limits };
  const limiter = new RateLimiter({ redis: store, shardCount: 16, limits: all, log });
  opened.push(limiter);
  return limiter;
}

const ofDevice = (...device: readonly LimitPolicy[]): Partial<RateLimits> => ({ device: () => device });
const requesterOf = (deviceId: string, address?: string): Requester => ({ deviceId, deviceClass: 'fixed', address });
const nowUs = (): number => Date.now() * 1000;
const nameOf = (verdict: LimitVerdict): string => (verdict.allowed ? 'allowed' : verdict.refusedBy.name);
const ask = (limits: RateLimiter, requester: Requester, times: number): LimitVerdict[] =>
  Array.from({ length: times }, () => limits.decide(requester, nowUs()));
const passedOf = (verdicts: readonly LimitVerdict[]): number => verdicts.filter(({ allowed }) => allowed).length;

/** How many intervals of the policy one who is refused has to wait. */
function intervalsToWait(verdict: LimitVerdict | undefined, policy: LimitPolicy): number {
  assert.ok(verdict?.allowed === false);
  return Math.ceil(verdict.waitUs / intervalUsOf(policy));
}

test('a device passes as often as its tightest policy says, also within one event-loop turn', () => {
  const limits = openLimiter(ofDevice(...policies(3, 5)));
  const verdicts = ask(limits, requesterOf('d1'), 5);
  assert.deepEqual(verdicts.map(nameOf), ['allowed', 'allowed', 'allowed', 'burst', 'burst']);
  const [, , third, refused] = verdicts;
  assert.ok(third?.allowed === true && third.remaining === 0 && third.scarcest.name === 'burst');
  assert.ok(refused?.allowed === false && refused.waitUs > 1190e6 && refused.waitUs <= 1200e6);
});

test('what one policy refuses does not count for the other', async () => {
  const limits = openLimiter(ofDevice({ name: 'burst', quota: 2, windowS: 1 }, hourly('sustained', 4)));
  limits.start();
  const seen: string[] = [];
  await eventually(() => {
    seen.push(nameOf(limits.decide(requesterOf('d2'), nowUs())));
    assert.equal(seen.at(-1), 'sustained');
  });
  assert.equal(seen.filter((name) => name === 'allowed').length, 4);
  assert.ok(seen.filter((name) => name === 'burst').length > 4);
});

test('devices do not count for each other, and classes have limits of their own', async () => {
  const [mobile, fixed] = [policies(1, 1), policies(2, 2)];
  const limits = openLimiter({ device: (deviceClass) => (deviceClass === 'mobile' ? mobile : fixed) });
  const seen: string[] = [];
  for (const [deviceId, deviceClass] of [
    ['d3', 'mobile'],
    ['d3', 'mobile'],
    ['d4', 'fixed'],
    ['d4', 'fixed'],
    ['d4', 'fixed'],
  ] as const) {
    seen.push(nameOf(limits.decide({ deviceId, deviceClass, address: undefined }, nowUs())));
    await limits.report();
  }
  assert.deepEqual(seen, ['allowed', 'burst', 'allowed', 'allowed', 'burst']);
});

test('an address counts for all devices behind it, and what it refuses does not count for the device', async () => {
  const limits = openLimiter({ ...ofDevice(hourly('burst', 2)), address: [hourly('address', 3)] });
  const seen = ['e1', 'e2', 'e3', 'e4', 'e4', 'e4'].map((id) => limits.decide(requesterOf(id, '203.0.113.1'), nowUs()));
  assert.deepEqual(seen.map(nameOf), ['allowed', 'allowed', 'allowed', 'address', 'address', 'address']);
  await limits.report();
  assert.deepEqual(ask(limits, requesterOf('e4', '203.0.113.2'), 3).map(nameOf), ['allowed', 'allowed', 'burst']);
});

test('an address counts for strangers and devices together', () => {
  const limits = openLimiter({ address: [hourly('address', 3)] });
  const address = '203.0.113.3';
  const verdicts = [
    limits.decideStranger(address, nowUs()),
    limits.decide(requesterOf('e5', address), nowUs()),
    limits.decideStranger(address, nowUs()),
    limits.decideStranger(address, nowUs()),
    limits.decide(requesterOf('e5', address), nowUs()),
  ];
  assert.deepEqual(verdicts.map(nameOf), ['allowed', 'allowed', 'allowed', 'address', 'address']);
  const [first] = verdicts;
  assert.ok(first?.allowed === true && first.scarcest.name === 'address' && first.remaining === 2);
});

test('the process has a limit of its own, for devices and for strangers without an address', async () => {
  const limits = openLimiter({ overall: [hourly('overall', 2)] });
  const verdicts = [
    ...ask(limits, requesterOf('f1'), 1),
    limits.decideStranger(undefined, nowUs()),
    limits.decideStranger(undefined, nowUs()),
    ...ask(limits, requesterOf('f2'), 1),
  ];
  assert.deepEqual(verdicts.map(nameOf), ['allowed', 'allowed', 'overall', 'overall']);
  await limits.report();
  const other = openLimiter({ overall: [hourly('overall', 2)] });
  assert.deepEqual(ask(other, requesterOf('f1'), 2).map(nameOf), ['allowed', 'allowed']);
});

test('a flood gets exactly its quota and what comes back meanwhile', async () => {
  const limits = openLimiter(ofDevice({ name: 'burst', quota: 20, windowS: 1 }));
  limits.start();
  const startedMs = performance.now();
  let passed = 0;
  while (performance.now() - startedMs < 1000) {
    passed += passedOf(ask(limits, requesterOf('flood'), 50));
    await turn();
  }
  const refilled = (performance.now() - startedMs) / 50;
  assert.ok(
    passed >= 20 + Math.floor(refilled) - 2 && passed <= 20 + Math.ceil(refilled) + 1,
    `${passed}, ${refilled}`,
  );
});

test('limiters on one Redis let through together their quota and at most what passed within one report', async () => {
  const burst = hourly('burst', 100);
  const limiters = [openLimiter(ofDevice(burst)), openLimiter(ofDevice(burst))];
  const withinReport = 10;
  let passed = 0;
  for (let round = 0; round < 30; round += 1) {
    for (const limits of limiters) passed += passedOf(ask(limits, requesterOf('shared'), withinReport));
    for (const limits of limiters) await limits.report();
  }
  assert.ok(passed >= 100 && passed <= 100 + withinReport, String(passed));
});

test('what limiters let through before they hear of each other is repaid by a longer wait', async () => {
  const burst = hourly('burst', 5);
  const limiters = [openLimiter(ofDevice(burst)), openLimiter(ofDevice(burst))];
  for (const limits of limiters) assert.equal(passedOf(ask(limits, requesterOf('twice'), 6)), 5);
  for (const limits of limiters) await limits.report();
  assert.equal(intervalsToWait(limiters[1]!.decide(requesterOf('twice'), nowUs()), burst), 6);
});

test('an address is shared as a device is', async () => {
  const address = hourly('address', 3);
  const limiters = [openLimiter({ address: [address] }), openLimiter({ address: [address] })];
  for (const [index, limits] of limiters.entries()) {
    assert.equal(nameOf(limits.decideStranger('203.0.113.4', nowUs())), 'allowed');
    assert.equal(nameOf(limits.decide(requesterOf(`k${index}`, '203.0.113.4'), nowUs())), 'allowed');
    await limits.report();
  }
  assert.equal(nameOf(limiters[1]!.decide(requesterOf('k2', '203.0.113.4'), nowUs())), 'address');
});

test('a limiter reports by itself once it is started, and no more when it is closed', async () => {
  const burst = hourly('burst', 1000);
  const [one, other] = [openLimiter(ofDevice(burst)), openLimiter(ofDevice(burst))];
  one.start();
  other.start();
  assert.equal(passedOf(ask(one, requesterOf('timed'), 600)), 600);
  assert.equal(passedOf(ask(other, requesterOf('timed'), 200)), 200);
  await eventually(() => {
    const verdict = other.decide(requesterOf('timed'), nowUs());
    assert.ok(verdict.allowed && verdict.remaining < 300, 'it has not heard of the others');
  });
  one.close();
  ask(one, requesterOf('closed'), 200);
  await eventually(async () => {
    ask(other, requesterOf('open'), 200);
    assert.equal((await redis.keys('tt:*:limit:open')).length, 1);
  });
  assert.deepEqual(await redis.keys('tt:*:limit:closed'), []);
});

test('a limiter that is restarted learns from its first report what was let through before', async () => {
  const burst = hourly('burst', 5);
  const before = openLimiter(ofDevice(burst));
  assert.equal(passedOf(ask(before, requesterOf('restart'), 5)), 5);
  await before.report();
  before.close();
  const after = openLimiter(ofDevice(burst));
  assert.equal(nameOf(after.decide(requesterOf('restart'), nowUs())), 'allowed');
  await after.report();
  assert.equal(intervalsToWait(after.decide(requesterOf('restart'), nowUs()), burst), 2);
});

test('the state of one who is silent vanishes after a minute, or when the allowance is whole again', async () => {
  const ttlAfter = async (deviceId: string, windowS: number): Promise<number> => {
    const limits = openLimiter(ofDevice({ name: 'sustained', quota: 1, windowS }));
    limits.decide(requesterOf(deviceId), nowUs());
    await limits.report();
    const [key = ''] = await redis.keys(`tt:*:limit:${deviceId}`);
    return (await redis.pttl(key)) / 1000;
  };
  const [short, long] = [await ttlAfter('silent', 1), await ttlAfter('silent-for-long', HOUR_S)];
  assert.ok(short > 55 && short <= 60, String(short));
  assert.ok(long > HOUR_S - 5 && long <= HOUR_S, String(long));
});

test('the limiter forgets one who is silent when the allowance is whole again, and nobody before', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
  const [short, long] = [[{ name: 'short', quota: 1, windowS: 1 }], [hourly('long', 1)]];
  const limits = openLimiter({ device: (deviceClass) => (deviceClass === 'mobile' ? short : long) });
  limits.start();
  limits.decide({ deviceId: 'i1', deviceClass: 'mobile', address: '203.0.113.5' }, nowUs());
  limits.decide({ deviceId: 'i2', deviceClass: 'fixed', address: '203.0.113.5' }, nowUs());
  assert.equal(limits.size, 3);
  await limits.report();
  t.mock.timers.tick(10_000);
  assert.equal(limits.size, 1);
  assert.equal(nameOf(limits.decide(requesterOf('i2'), nowUs())), 'long');
});

test('counting costs no write to the append-only file', async () => {
  const size = async (): Promise<string | undefined> =>
    /aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1];
  await redis.set('something', 'to be written');
  const before = await size();
  assert.ok(Number(before) > 0);
  for (let i = 0; i < 20; i += 1) {
    const limits = openLimiter(ofDevice(hourly('burst', 5)));
    limits.decide(requesterOf('h1', '203.0.113.7'), nowUs());
    await limits.report();
  }
  assert.equal((await redis.keys('tt:*:limit:h1')).length, 1);
  assert.equal(await size(), before);
});

test('who uses little of an allowance is reported once a second, who uses much at once', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const limits = openLimiter(ofDevice(hourly('burst', 100)));
  const reportedIn = async (reports: number, everyMs: number): Promise<number> => {
    let reported = 0;
    for (let report = 0; report < reports; report += 1) {
      await redis.del(...(await redis.keys('tt:*:limit:*')), 'none');
      ask(limits, requesterOf('modest'), 1);
      await limits.report();
      reported += (await redis.keys('tt:*:limit:modest')).length;
      t.mock.timers.tick(everyMs);
    }
    return reported;
  };
  assert.equal(await reportedIn(10, 250), 3);
  assert.equal(passedOf(ask(limits, requesterOf('modest'), 50)), 50);
  assert.equal(await reportedIn(10, 20), 10);
});

test('a device that stays below its limit at each of four processes gets no more of them together', async () => {
  const limiters = Array.from({ length: 4 }, () => openLimiter(ofDevice({ name: 'burst', quota: 40, windowS: 2 })));
  for (const limits of limiters) limits.start();
  const startedMs = performance.now();
  let [passed, asked] = [0, 0];
  for (let round = 0; performance.now() - startedMs < 8000; round += 1) {
    for (const limits of limiters) {
      const inTime = passedOf(ask(limits, requesterOf('balanced'), 1));
      if (performance.now() - startedMs < 4000) continue;
      passed += inTime;
      asked += 1;
    }
    const nextMs = startedMs + (round + 1) * 55;
    await delay(Math.max(1, nextMs - performance.now()));
  }
  assert.ok(asked > 200, `${asked} asked`);
  assert.ok(passed <= 4 * 20 + 40, `${passed} of ${asked} in 4 s, and 20 a second are right`);
});

test('a refusal costs no call', async () => {
  const limits = openLimiter(ofDevice(hourly('burst', 1)));
  const calls = async (): Promise<string | undefined> =>
    /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
  ask(limits, requesterOf('j1'), 1);
  await limits.report();
  const before = await calls();
  assert.ok(Number(before) > 0);
  assert.equal(passedOf(ask(limits, requesterOf('j1'), 100)), 0);
  await limits.report();
  assert.equal(await calls(), before);
});

test('without Redis limits hold within the process', async () => {
  const away = openRedis({ url: server.url, name: 'test', manner: 'fail-fast' }, log);
  away.disconnect();
  const burst = hourly('burst', 3);
  const limits = openLimiter(ofDevice(burst), away);
  assert.deepEqual(ask(limits, requesterOf('g1', '203.0.113.9'), 2).map(nameOf), ['allowed', 'allowed']);
  await limits.report();
  const verdicts = ask(limits, requesterOf('g1', '203.0.113.9'), 3);
  assert.deepEqual(verdicts.map(nameOf), ['allowed', 'burst', 'burst']);
  await limits.report();
  assert.equal(intervalsToWait(limits.decide(requesterOf('g1'), nowUs()), burst), 1);
});

test('a Redis that hangs delays nobody, and hears of what passes again when it is back', async () => {
  const limits = openLimiter(ofDevice(hourly('burst', 500)));
  limits.start();
  server.pause();
  let slowestMs = 0;
  let reporting: Promise<void>;
  try {
    const requester = requesterOf('g2', '203.0.113.10');
    assert.equal(nameOf(limits.decide(requester, nowUs())), 'allowed');
    reporting = limits.report();
    for (let i = 0; i < 100; i += 1) {
      const startedMs = performance.now();
      assert.equal(nameOf(limits.decide(requester, nowUs())), 'allowed');
      await turn();
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
  } finally {
    server.resume();
  }
  assert.ok(slowestMs < 1500, `${slowestMs} ms`);
  await reporting;
  await eventually(async () => {
    ask(limits, requesterOf('g3'), 70);
    assert.equal((await redis.keys('tt:*:limit:g3')).length, 1);
  });
});
