import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDetectCheckpoint } from '../../../../contracts/detect-checkpoint.ts';
import type { RuleState } from '../../../../core/detection/evaluate.ts';
import { evaluateReading, replayHistory, type Sample } from '../../../support/rule-history.ts';
import { deviceRuleSchema, type DeviceRule } from '../../../../core/detection/rule.ts';

/** Raises when a metric rises by more than 1 a second over 10 s, and clears at half of that. */
function ruleWith(changes: Record<string, unknown> = {}): DeviceRule {
  return deviceRuleSchema.parse({
    kind: 'rate',
    id: 'rising-water',
    version: 2,
    scope: { metrics: ['level', 'flow'] },
    severity: 'Severe',
    headline: 'The river rises',
    when: 'above',
    limit: 1,
    clear_limit: 0.5,
    over_s: 10,
    ...changes,
  });
}

type RateSample = readonly [timeS: number, value: number, metric?: string];

interface History {
  /** As `kind@second`. */
  readonly transitions: readonly string[];
  readonly state: RuleState | undefined;
}

function replay(rule: DeviceRule, samples: readonly RateSample[], restart?: (index: number) => boolean): History {
  const full = samples.map(([timeS, value, metric = 'level']): Sample => [timeS, value, metric]);
  const { transitions, state } = replayHistory(rule, full, restart);
  return { transitions: transitions.map(({ kind, atUs }) => `${kind}@${atUs / 1e6}`), state };
}

const seconds = (from: number, to: number, valueAt: (second: number) => number): RateSample[] =>
  Array.from({ length: to - from + 1 }, (_, index) => [from + index, valueAt(from + index)]);

const cases: readonly {
  name: string;
  rule?: Record<string, unknown>;
  samples: readonly RateSample[];
  expected: readonly string[];
}[] = [
  {
    name: 'nothing is known before the stretch is full, then a fast rise raises and a slow one clears',
    samples: [...seconds(0, 12, (s) => 2 * s), ...seconds(13, 30, () => 24)],
    expected: ['raised@10', 'cleared@20'],
  },
  {
    name: 'a jump that lasts for less than the stretch is a rise until the reference has passed it',
    // Of readings every second every other one is kept.
    samples: [...seconds(0, 14, () => 0), ...seconds(15, 40, () => 12)],
    expected: ['raised@15', 'cleared@26'],
  },
  {
    name: 'below fires when a metric falls',
    rule: { when: 'below', limit: -1, clear_limit: 0 },
    samples: [...seconds(0, 10, (s) => -2 * s), ...seconds(11, 21, () => -20)],
    expected: ['raised@10', 'cleared@20'],
  },
  {
    name: 'beyond fires when a metric rises or falls',
    rule: { when: 'beyond' },
    samples: [...seconds(0, 10, (s) => -2 * s), ...seconds(11, 21, () => -20)],
    // At 17 the fall over ten seconds is 0.6 a second, at 18 it is 0.4.
    expected: ['raised@10', 'cleared@18'],
  },
  {
    name: 'after a gap of more than twice the stretch the rate is not known, and a raised alert stays',
    samples: [...seconds(0, 10, (s) => 2 * s), [31, 20], [32, 20], ...seconds(33, 41, () => 20)],
    expected: ['raised@10', 'cleared@41'],
  },
  {
    name: 'a gap of no more than twice the stretch is measured over',
    samples: [
      [0, 0],
      [20, 30],
    ],
    expected: ['raised@20'],
  },
  {
    name: 'a rise must last for the duration, and what is not known has not lasted',
    rule: { duration_s: 3 },
    samples: [...seconds(0, 12, (s) => 2 * s), [33, 66], ...seconds(34, 50, (s) => 2 * s)],
    expected: ['raised@46'],
  },
  {
    name: 'a late reading, a double and one at the time of the newest change nothing',
    samples: [...seconds(0, 9, () => 0), [5, 999], [9, 999], [10, 0], [10, 999], [11, 0]],
    expected: [],
  },
  {
    name: 'metrics have references of their own, and all of them have to be quiet',
    samples: [
      [0, 0],
      [0, 0, 'flow'],
      [10, 20],
      [10, 20, 'flow'],
      [20, 20],
      [20, 20, 'flow'],
    ],
    expected: ['raised@10', 'cleared@20'],
  },
  {
    name: 'a metric that comes too rarely to have a rate keeps no alert raised',
    samples: [[0, 3, 'flow'], ...seconds(0, 12, (s) => 2 * s), ...seconds(13, 30, () => 24)],
    expected: ['raised@10', 'cleared@20'],
  },
];

for (const { name, rule, samples, expected } of cases) {
  test(name, () => assert.deepEqual(replay(ruleWith(rule), samples).transitions, expected));
  test(`${name}: also when every reading comes twice, and another worker goes on after each`, () => {
    const twice = samples.flatMap((sample) => [sample, sample]);
    assert.deepEqual(replay(ruleWith(rule), twice, () => true).transitions, expected);
  });
}

test('the evidence names the rate and the two readings that it is made of', () => {
  const raised = evaluateReading(
    ruleWith(),
    { kind: 'rate', raised: false, metrics: { level: { newestUs: 9e6 } }, samples: { level: [[1e6, 5]] } },
    { device: 'dev-1', metric: 'level', timeUs: 12e6, value: 27 },
  );
  assert.deepEqual(raised.transition?.evidence, {
    rule_version: 2,
    limit: 1,
    measure: 2,
    readings: [
      { device: 'dev-1', metric: 'level', time_us: 1e6, value: 5 },
      { device: 'dev-1', metric: 'level', time_us: 12e6, value: 27 },
    ],
  });
});

test('values at both ends of what a double holds have a rate that can be written', () => {
  const { transitions, state } = replay(ruleWith({ over_s: 0.1 }), [
    [0, -Number.MAX_VALUE],
    [0.1, Number.MAX_VALUE],
  ]);
  assert.deepEqual(transitions, ['raised@0.1']);
  assert.ok(!JSON.stringify(state).includes('null'));
});

/** As the head of rate.ts says it, over the whole history. */
function transitionsByHand(samples: readonly RateSample[], durationS: number): string[] {
  const transitions: string[] = [];
  let raised = false;
  let beyondSince: number | undefined;
  for (const [index, [timeS, value]] of samples.entries()) {
    const reference = samples.slice(0, index).findLast(([earlier]) => timeS - earlier >= 10);
    const isKnown = reference !== undefined && timeS - reference[0] <= 20;
    const rate = isKnown ? (value - reference[1]) / (timeS - reference[0]) : undefined;
    beyondSince = rate !== undefined && rate > 1 ? (beyondSince ?? timeS) : undefined;
    if (!raised && beyondSince !== undefined && timeS - beyondSince >= durationS) {
      raised = true;
      transitions.push(`raised@${timeS}`);
    } else if (raised && rate !== undefined && rate <= 0.5) {
      raised = false;
      transitions.push(`cleared@${timeS}`);
    }
  }
  return transitions;
}

test('any history has the transitions that its whole past says, wherever workers change over', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 2, max: 15 }), fc.integer({ min: -30, max: 30 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 8 }), fc.integer({ min: 1, max: 7 }), (given, durationS, every) => {
      let timeS = 0;
      const samples = given.map(([step, value]): RateSample => [(timeS += step), value]);
      const { transitions } = replay(ruleWith({ duration_s: durationS }), samples, (index) => index % every === 0);
      assert.deepEqual(transitions, transitionsByHand(samples, durationS));
    }),
  );
});

test('no more than ten readings are kept of a metric, however many come in a stretch', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(steps, (given) => {
      let timeS = 0;
      const samples = given.map((step): RateSample => [(timeS += step / 1000), step]);
      const { state } = replay(ruleWith(), samples);
      assert.ok(state?.kind === 'rate' && (state.samples.level?.length ?? 0) <= 10);
    }),
  );
});

test('however densely readings come, the rate is one over at least the stretch and an eighth of it more at most', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.integer({ min: -30, max: 30 })), {
    minLength: 60,
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, (given) => {
      let timeMs = 0;
      const readings = given.map(([step, value]) => ({ timeMs: (timeMs += step), value }));
      let state: RuleState | undefined;
      let known = 0;
      for (const { timeMs: nowMs, value } of readings) {
        const reading = { device: 'dev-1', metric: 'level', timeUs: nowMs * 1000, value };
        // Every rate is beyond the limit and every alert is a new one, so that each reading shows what it was compared with.
        const always = ruleWith({ limit: -1e9, clear_limit: -1e9 });
        const result = evaluateReading(always, state && { ...state, raised: false }, reading);
        state = result.state;
        const [reference] = result.transition?.evidence.readings ?? [];
        if (reference === undefined) {
          assert.ok(nowMs - (readings[0]?.timeMs ?? 0) < 10_000, `no rate at ${nowMs}`);
          continue;
        }
        known += 1;
        const overMs = nowMs - reference.time_us / 1000;
        // A kept reading is an eighth and one step after the one before at most.
        assert.ok(overMs >= 10_000 && overMs < 10_000 + 1250 + 900, `${overMs} ms`);
        assert.equal(reference.value, readings.find((earlier) => earlier.timeMs * 1000 === reference.time_us)?.value);
      }
      assert.ok(known > 0 || timeMs < 10_000 + 900 + (readings[0]?.timeMs ?? 0), 'no rate at all');
    }),
  );
});

test('a reading exactly one stretch older is the reference, also where the stretch is no whole number of seconds', () => {
  for (const overS of [2.007, 4.1, 8.3, 0.1]) {
    const rule = ruleWith({ over_s: overS });
    const at = (timeUs: number, value: number) => ({ device: 'dev-1', metric: 'level', timeUs, value });
    const { state } = evaluateReading(rule, undefined, at(0, 0));
    const result = evaluateReading(rule, state, at(Math.round(overS * 1e6), 100));
    assert.equal(result.transition?.kind, 'raised', `${overS} s`);
  }
});

test('a state that is damaged is named, and keeps no other from being read', () => {
  const good = { kind: 'rate', raised: true, metrics: {}, samples: {} };
  const { states, unreadable } = parseDetectCheckpoint({
    'state:a|b': JSON.stringify({ kind: 'rate', raised: true, metrics: {} }),
    'state:a|c': '{',
    'state:a|d': JSON.stringify(good),
  });
  assert.deepEqual([...states], [['a|d', good]]);
  assert.deepEqual(unreadable, ['a|b', 'a|c']);
});

test('a rule that becomes one of another kind keeps its alert raised, and begins anew with what it measures', () => {
  const { over_s: _over, ...limits } = { over_s: 0, ...ruleWith() };
  const threshold = deviceRuleSchema.parse({ ...limits, kind: 'threshold', limit: 15, clear_limit: 3 });
  const at = (timeS: number, value: number) => ({ device: 'dev-1', metric: 'level', timeUs: timeS * 1e6, value });
  const asThreshold = evaluateReading(threshold, undefined, at(0, 20));
  assert.equal(asThreshold.transition?.kind, 'raised');
  const asRate = evaluateReading(ruleWith(), asThreshold.state, at(1, 20));
  assert.deepEqual([asRate.state.raised, asRate.transition], [true, undefined]);
  assert.equal(evaluateReading(ruleWith(), asRate.state, at(11, 20)).transition?.kind, 'cleared');
});

test('a checkpoint of before there were kinds is one of thresholds, and a kind of later is left out', () => {
  const metrics = { level: { newestUs: 1 } };
  const { states } = parseDetectCheckpoint({
    position: '1-0',
    'state:old|dev-1': JSON.stringify({ raised: true, metrics }),
    'state:new|dev-1': JSON.stringify({ kind: 'of-later', raised: true, metrics }),
  });
  assert.deepEqual([...states], [['old|dev-1', { kind: 'threshold', raised: true, metrics }]]);
});

test('a stretch that is no time, and a clear limit beyond the limit, are refused', () => {
  assert.throws(() => ruleWith({ over_s: 0 }), /over_s/);
  assert.throws(() => ruleWith({ over_s: undefined }), /over_s/);
  assert.throws(() => ruleWith({ clear_limit: 2 }), /clear limit/);
  assert.throws(() => deviceRuleSchema.parse({ ...ruleWith(), kind: 'speed' }), /kind/);
});
