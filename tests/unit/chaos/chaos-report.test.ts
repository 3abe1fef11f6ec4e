import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProven, reportChaos, type FaultReport } from '../../chaos/chaos-report.ts';

const SOUND: FaultReport = {
  fault: 'kill-redis',
  acknowledged: 100,
  stored: 100,
  ...{ lost: 0, duplicated: 0, altered: 0, alerts: 4, alerts_missed: 0, alerts_doubled: 0 },
  slowest_alert_s: 0.1,
  unavailable_s: 1,
  recovered_s: 2,
  problems: [],
};
const proven = (...faults: readonly FaultReport[]) => isProven(reportChaos(faults, 1, {}));

test('a run holds when nothing is lost, doubled, altered or missed under any fault', () => {
  assert.ok(proven(SOUND, SOUND));
  for (const field of ['lost', 'duplicated', 'altered', 'alerts_missed', 'alerts_doubled'] as const) {
    assert.ok(!proven(SOUND, { ...SOUND, [field]: 1 }), field);
  }
});

test('a run without faults, without load, without alerts or with something unexplained proves nothing', () => {
  assert.ok(!proven());
  assert.ok(!isProven(reportChaos([SOUND], 1, {}, ['1 lost in the end'])));
  assert.ok(!proven(SOUND, { ...SOUND, acknowledged: 0 }));
  assert.ok(!proven(SOUND, { ...SOUND, alerts: 0 }));
  assert.ok(!proven(SOUND, { ...SOUND, problems: ['worker ended by itself'] }));
});

test('what is counted twice stays in the store and is one defect, not one for each fault after it', () => {
  const report = reportChaos([SOUND, { ...SOUND, duplicated: 3 }, { ...SOUND, duplicated: 3 }], 1, {});
  assert.equal(report.duplicated, 3);
});
