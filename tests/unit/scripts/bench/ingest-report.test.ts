import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportIngest } from '../../../../scripts/bench/ingest/ingest-report.ts';
import type { IngestMeasurement } from '../../../../scripts/bench/ingest/benched-ingest.ts';

const measured = (acceptedPerS: number): IngestMeasurement => ({
  accepted: 1000,
  entries: 1000,
  acceptedPerS,
  windowsPerS: [acceptedPerS - 1.4, acceptedPerS + 1.4],
  p50Ms: 5.4321,
  p99Ms: 9.8765,
  failures: new Map(),
});
const good = { always: measured(5000), everysec: measured(6000), verifyPerS: 10_000 };

test('a run at its bars passes, and its line has the figures and the ratios to the verify rate', () => {
  const { fields, problems } = reportIngest(good);
  assert.deepEqual(problems, []);
  assert.deepEqual(fields, {
    accepted_per_s: 5000,
    p50_ms: 5.432,
    p99_ms: 9.877,
    ratio: 0.5,
    accepted_per_s_everysec: 6000,
    ratio_everysec: 0.6,
    verify_per_s_one_core: 10_000,
  });
});

test('people see each window, because a machine that others use changes its speed between them', () => {
  assert.match(
    reportIngest(good).lines.join('\n'),
    /always, window by window: 4999, 5001 a second\neverysec, .*5999, 6001/,
  );
});

test('each mode has its own bar', () => {
  assert.match(reportIngest({ ...good, always: measured(4999) }).problems.join('\n'), /^appendfsync always: ratio/);
  assert.match(reportIngest({ ...good, everysec: measured(5999) }).problems.join('\n'), /^appendfsync everysec: ratio/);
});

test('a request without a 202 is a problem, however fast the others were', () => {
  const failures = new Map([['replay-detected', 1]]);
  const { problems } = reportIngest({ ...good, always: { ...good.always, failures } });
  assert.deepEqual(problems, ['appendfsync always: 1 requests were not accepted: replay-detected']);
});

test('a difference between the 202s and the entries of the log is a problem, whichever is more', () => {
  for (const entries of [999, 1001]) {
    const { problems } = reportIngest({ ...good, everysec: { ...good.everysec, entries } });
    assert.match(
      problems.join('\n'),
      new RegExp(`1000 requests were accepted and the streams have ${entries} entries`),
    );
  }
});

test('figures that are missing do not pass', () => {
  assert.equal(reportIngest({ ...good, verifyPerS: NaN }).problems.length, 2);
});
