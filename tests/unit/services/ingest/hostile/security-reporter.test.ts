import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { SecurityEvent } from '../../../../../contracts/security-event.ts';
import { createLogger } from '../../../../../platform/log/logger.ts';
import { createHostileMetrics } from '../../../../../services/ingest/hostile/hostile-metrics.ts';
import { SecurityReporter } from '../../../../../services/ingest/hostile/security-reporter.ts';

function openReporter(append: (events: readonly SecurityEvent[]) => Promise<void>) {
  const metrics = createHostileMetrics(new Registry());
  return { metrics, reporter: new SecurityReporter({ append, metrics, log: createLogger('test', 'silent') }) };
}

const incident = (address: string | null, device: string | null = 'dev-1') => {
  return { kind: 'bad-signature', code: 'signature-invalid', device, address } as const;
};

test('the first is told at once, and what follows once in ten seconds with its number', async () => {
  const told: SecurityEvent[] = [];
  const { reporter } = openReporter((events) => Promise.resolve(void told.push(...events)));
  for (let second = 0; second < 25; second += 1) {
    for (let each = 0; each < 100; each += 1) reporter.count(incident('192.0.2.1'), second * 1000);
    await reporter.flush(second * 1000);
  }
  assert.deepEqual(
    told.map(({ at_ms: atMs, detail }) => [atMs, detail.count]),
    [
      [0, 100],
      [10_000, 1000],
      [20_000, 1000],
    ],
  );
  await reporter.flush(25_000, true);
  assert.equal(told.at(-1)?.detail.count, 400);
});

test('a flood from countless addresses makes a bounded number of events, and every failure is in one of them', async () => {
  const told: SecurityEvent[] = [];
  const { reporter } = openReporter((events) => Promise.resolve(void told.push(...events)));
  for (let each = 0; each < 20_000; each += 1) reporter.count(incident(`2001:db8:${each.toString(16)}::/64`), 0);
  await reporter.flush(0);
  assert.ok(told.length <= 510, `${told.length} events`);
  assert.equal(
    told.reduce((sum, { detail }) => sum + (detail.count ?? 0), 0),
    20_000,
  );
});

test('what cannot be told is dropped and counted, and holds nothing up', async () => {
  let isAway = true;
  const told: SecurityEvent[] = [];
  const { reporter, metrics } = openReporter((events) => {
    if (isAway) return Promise.reject(new Error('Redis is away'));
    told.push(...events);
    return Promise.resolve();
  });
  reporter.count(incident('192.0.2.1'), 0);
  await reporter.flush(0);
  assert.equal((await metrics.eventsDropped.get()).values[0]?.value, 1);
  isAway = false;
  reporter.count(incident('192.0.2.1'), 1000);
  await reporter.flush(10_000);
  assert.deepEqual(
    told.map(({ detail }) => detail.count),
    [1],
  );
});
