import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMetricsPage, describeMetrics } from '../../../scripts/docs/metrics-page.ts';

/** Each value of a label is a time series: these have no bound. */
const UNBOUNDED = /^(device|device_id|address|ip|source|key|key_id|user|account|url|path|nonce|zone_id)$/;
const UNITS = /_(seconds|bytes|ratio|total|info)$/;

test('docs/metrics.md is what the code says; "npm run docs:metrics" writes it', () => {
  assert.equal(readFileSync('docs/metrics.md', 'utf8'), createMetricsPage());
});

test('metrics have names, units and labels by the conventions of Prometheus', () => {
  const ours = describeMetrics().filter(({ name }) => !/^(nodejs|process)_/.test(name));
  assert.ok(ours.length > 60);
  assert.equal(new Set(ours.map(({ name }) => name)).size, ours.length, 'a name is there twice');
  for (const { name, type, labels, help } of ours) {
    assert.match(name, /^[a-z][a-z0-9_]*$/);
    assert.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`);
    assert.doesNotMatch(name, /_(count|sum|bucket|ms|milliseconds)$/);
    assert.match(help, /^[A-Z0-9].*\.$/, name);
    for (const label of labels) assert.doesNotMatch(label, UNBOUNDED, name);
    // In OpenMetrics a counter and a gauge may not have one name but for the suffix.
    if (type !== 'counter') assert.ok(!ours.some((other) => other.name === `${name}_total`), name);
    if (type === 'histogram') assert.ok(UNITS.test(name) || name.endsWith('_rows'), name);
  }
});

test('no metric is made but by those that the page asks', () => {
  const files = ['services', 'platform', 'core', 'contracts'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  assert.ok(files.length > 200);
  const makers = files.filter((file) =>
    /new (Counter|Gauge|Histogram|Summary)\b|new MetricSet\b/.test(readFileSync(file, 'utf8')),
  );
  const described = /(^|\/)(metric-set|[a-z-]*metrics)\.ts$/;
  assert.deepEqual(
    makers.filter((file) => !described.test(file)),
    [],
  );
});
