import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunTransition } from '../../../../core/detection/detection-run.ts';
import { quorumRuleSchema } from '../../../../core/detection/rule.ts';
import { quantileOf, scoreAlerts } from '../../../../scripts/bench/detection/score-alerts.ts';

const RULE = quorumRuleSchema.parse({
  kind: 'quorum',
  id: 'earthquake',
  version: 1,
  triggers: ['shaking'],
  k: 3,
  within_m: 1000,
  window_s: 1,
  severity: 'Severe',
  headline: 'Earthquake',
});
const QUAKE = { lat: 47, lon: 19, originUs: 100e6 };
const ABOUT_IT = { withinS: 30, withinM: 20_000 };

function told(
  s: number,
  kind: 'raised' | 'updated' | 'cleared' | 'cancelled',
  lat: number,
  subject = '1-0',
): RunTransition {
  return {
    of: 'quorum',
    nowUs: s * 1e6,
    rule: RULE,
    transition: {
      kind,
      subject,
      severity: 'Severe',
      status: 'Actual',
      atUs: s * 1e6,
      position: { lat, lon: 19 },
      zones: [],
      evidence: { rule_version: 1, limit: 3, readings: [] },
    },
  };
}

test('an alert near a quake and soon after it is about it, and its errors are those of the first and the last version', () => {
  const score = scoreAlerts(
    [QUAKE],
    [told(105, 'raised', 47.1), told(110, 'updated', 47.01), told(160, 'cleared', 47.01)],
    ABOUT_IT,
  );
  const alert = score.quakes[0]?.alert;
  assert.equal(score.falseAlerts, 0);
  assert.ok(alert !== undefined);
  assert.equal(alert.raisedUs, 105e6);
  assert.ok(Math.abs(alert.firstErrorM - 11_119) < 20 && Math.abs(alert.finalErrorM - 1112) < 5);
});

test('an alert before the quake, too late, too far away or a second one is false', () => {
  for (const wrong of [told(99, 'raised', 47), told(131, 'raised', 47), told(105, 'raised', 47.5)]) {
    const score = scoreAlerts([QUAKE], [wrong], ABOUT_IT);
    assert.deepEqual([score.falseAlerts, score.quakes[0]?.alert], [1, undefined]);
  }
  const twice = scoreAlerts([QUAKE], [told(105, 'raised', 47), told(106, 'raised', 47, '2-0')], ABOUT_IT);
  assert.equal(twice.falseAlerts, 1);
  assert.ok(twice.quakes[0]?.alert !== undefined);
  assert.equal(
    scoreAlerts([], [told(105, 'raised', 47), told(106, 'cancelled', 47)], ABOUT_IT).falseAlerts,
    1,
    'also when taken back',
  );
});

test('two quakes need two alerts, each its own', () => {
  const other = { lat: 47.4, lon: 19, originUs: 101e6 };
  const alerts = [told(105, 'raised', 47.4, '2-0'), told(105, 'raised', 47)];
  const both = scoreAlerts([QUAKE, other], alerts, ABOUT_IT);
  assert.ok(both.quakes.every(({ alert }) => alert !== undefined && alert.firstErrorM < 1) && both.falseAlerts === 0);
  const one = scoreAlerts([QUAKE, other], alerts.slice(0, 1), ABOUT_IT);
  assert.deepEqual(
    one.quakes.map(({ alert }) => alert !== undefined),
    [false, true],
  );
});

test('a quantile lies between the values around it', () => {
  assert.equal(quantileOf([3, 1, 2], 0.5), 2);
  assert.equal(quantileOf([1, 2], 0.5), 1.5);
  assert.equal(quantileOf([5], 0.95), 5);
  assert.ok(Number.isNaN(quantileOf([], 0.5)));
});
