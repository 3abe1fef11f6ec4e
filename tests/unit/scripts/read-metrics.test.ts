import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sumMetric } from '../../../scripts/dev-stack/read-metrics.ts';

const text = `# HELP readings_total Readings.
# TYPE readings_total counter
readings_total{service="ingest",shard="0"} 12
readings_total{service="ingest",shard="1"} 30
readings_total_created 5
up 1
`;

test('a metric is the sum over its label sets', () => {
  assert.equal(sumMetric(text, 'readings_total'), 42);
  assert.equal(sumMetric(text, 'up'), 1);
});

test('a metric that is not there is zero', () => {
  assert.equal(sumMetric(text, 'readings'), 0);
});
