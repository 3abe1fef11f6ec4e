import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  dueUs,
  evaluateRule,
  evaluateTime,
  initialState,
  type RuleState,
} from '../../../../core/detection/evaluate.ts';
import type { NumericReading } from '../../../../core/detection/reading-evaluation.ts';
import { deviceRuleSchema, type DeviceRule } from '../../../../core/detection/rule.ts';
import { throughCheckpoint } from '../../../support/rule-history.ts';

const LATENESS_S = 10;

function ruleOf(kind: string, changes: Record<string, unknown> = {}): DeviceRule {
  return deviceRuleSchema.parse({
    kind,
    id: 'late',
    version: 1,
    scope: { metrics: ['x', 'y'] },
    severity: 'Minor',
    headline: 'Late',
    when: 'above',
    limit: 5,
    clear_limit: 2,
    duration_s: 1,
    lateness_s: LATENESS_S,
    levels: [{ severity: 'Severe', limit: 8, clear_limit: 6 }],
    ...changes,
  });
}

const RULES = [
  ruleOf('threshold'),
  ruleOf('rate', { over_s: 2, limit: 1, clear_limit: 0.5, levels: [] }),
  ruleOf('deviation', { measure: 'z_score', long_s: 2, noise_floor: 0.5, scope: { metrics: ['x'] }, levels: [] }),
];

/** What a rule says of readings in the order of their arrival, once all that waits has been let go. */
function replay(rule: DeviceRule, readings: readonly NumericReading[], restart: boolean): unknown {
  let state: RuleState = initialState(rule, false);
  const told: unknown[] = [];
  const arrivedUs = 1_000_000_000;
  for (const reading of readings) {
    const result = evaluateRule(rule, state, reading, { arrivedUs, areaOf: () => undefined });
    state = restart ? throughCheckpoint(result.state) : result.state;
    told.push(...result.transitions.map(({ transition }) => transition));
  }
  const due = dueUs(rule, state);
  if (due !== undefined) {
    assert.equal(due, arrivedUs + LATENESS_S * 1e6);
    const result = evaluateTime(rule, state, 'dev-1', due, due + 1, () => undefined);
    told.push(...result.transitions.map(({ transition }) => transition));
    assert.equal(dueUs(rule, result.state), undefined, 'nothing waits any more');
  }
  return told;
}

const arrivals = fc.array(
  fc.record({
    timeS: fc.integer({ min: 100, max: 160 }),
    metric: fc.constantFrom('x', 'y'),
    value: fc.integer({ min: 0, max: 10 }),
    /** How much later it comes than an immediate one would. */
    delayS: fc.double({ min: 0, max: LATENESS_S, noNaN: true, maxExcluded: true }),
  }),
  { minLength: 1, maxLength: 60 },
);

test('whatever order readings come in, within the lateness, what is told is the same as in the order of their times', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RULES), arrivals, fc.boolean(), (rule, given, restart) => {
      const readings = given.map(({ timeS, metric, value, delayS }) => ({
        reading: { device: 'dev-1', metric, timeUs: timeS * 1e6, value },
        arrivesS: timeS + delayS,
      }));
      const inTime = [...readings].sort((a, b) => a.reading.timeUs - b.reading.timeUs);
      const asTheyCome = [...readings].sort((a, b) => a.arrivesS - b.arrivesS);
      const expected = replay(
        rule,
        inTime.map(({ reading }) => reading),
        false,
      );
      assert.deepEqual(
        replay(
          rule,
          asTheyCome.map(({ reading }) => reading),
          restart,
        ),
        expected,
      );
      const twice = asTheyCome.flatMap(({ reading }) => [reading, reading]);
      assert.deepEqual(replay(rule, twice, restart), expected);
    }),
    { numRuns: 300 },
  );
});

test('no more readings wait than can be kept: the oldest are let go', () => {
  const [rule] = RULES;
  assert.ok(rule !== undefined);
  let state: RuleState = initialState(rule, false);
  for (let index = 0; index < 5000; index += 1) {
    const reading = { device: 'dev-1', metric: 'x', timeUs: 1e9 + index, value: 0 };
    state = evaluateRule(rule, state, reading, { arrivedUs: 0, areaOf: () => undefined }).state;
  }
  assert.ok('waiting' in state && state.waiting?.length === 1000);
});
