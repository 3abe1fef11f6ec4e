import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ruleSchema, type ThresholdRule } from '../../../../core/detection/rule.ts';
import type { RuleState } from '../../../../core/detection/evaluate.ts';
import { evaluateReading } from '../../../support/rule-history.ts';

const QUIET: RuleState = { kind: 'threshold', raised: false, metrics: {} };

function ruleWith(changes: Record<string, unknown>): ThresholdRule {
  const rule = ruleSchema.parse({
    kind: 'threshold',
    id: 'strong-motion',
    version: 3,
    scope: { metrics: ['x', 'y'] },
    severity: 'Severe',
    headline: 'Strong motion',
    when: 'above',
    limit: 10,
    clear_limit: 5,
    ...changes,
  });
  assert.ok(rule.kind === 'threshold');
  return rule;
}

type Sample = readonly [timeS: number, value: number, metric?: string];

/** The transitions of a history as `kind@second`. */
function history(rule: ThresholdRule, samples: readonly Sample[]): string[] {
  let state: RuleState = QUIET;
  const transitions: string[] = [];
  for (const [timeS, value, metric = 'x'] of samples) {
    const result = evaluateReading(rule, state, { device: 'dev-1', metric, timeUs: timeS * 1e6, value });
    state = result.state;
    if (result.transition !== undefined) transitions.push(`${result.transition.kind}@${timeS}`);
  }
  return transitions;
}

const cases: readonly {
  name: string;
  rule?: Record<string, unknown>;
  samples: readonly Sample[];
  expected: string[];
}[] = [
  {
    name: 'a value above the limit raises, a value at the clear limit clears',
    samples: [
      [1, 10],
      [2, 11],
      [3, 6],
      [4, 5],
    ],
    expected: ['raised@2', 'cleared@4'],
  },
  {
    name: 'between clear limit and limit nothing changes',
    samples: [
      [1, 7],
      [2, 11],
      [3, 9],
      [4, 5.1],
    ],
    expected: ['raised@2'],
  },
  {
    name: 'below fires downwards',
    rule: { when: 'below', limit: 1, clear_limit: 2 },
    samples: [
      [1, 1],
      [2, 0],
      [3, 1.5],
      [4, 2],
    ],
    expected: ['raised@2', 'cleared@4'],
  },
  {
    name: 'beyond looks at the size of a quantity that swings around zero',
    rule: { when: 'beyond' },
    samples: [
      [1, -11],
      [2, 0],
    ],
    expected: ['raised@1', 'cleared@2'],
  },
  {
    name: 'a duration must be filled without a break',
    rule: { duration_s: 2 },
    samples: [
      [1, 11],
      [2, 11],
      [2.5, 4],
      [3, 11],
      [4, 11],
      [5, 12],
    ],
    expected: ['raised@5'],
  },
  {
    name: 'clearing waits until the quiet has lasted',
    rule: { when: 'beyond', clear_after_s: 3 },
    samples: [
      [1, 11],
      [2, 0],
      [3, -11],
      [4, 0],
      [6, 4],
      [7, 1],
    ],
    expected: ['raised@1', 'cleared@7'],
  },
  {
    name: 'one metric raises and all metrics must be quiet to clear',
    samples: [
      [1, 11],
      [1, 12, 'y'],
      [2, 0],
      [3, 0, 'y'],
    ],
    expected: ['raised@1', 'cleared@3'],
  },
  {
    name: 'a metric that was beyond while the alert was raised has to be quiet again, one in the band need not',
    samples: [
      [1, 11],
      [1, 7, 'y'],
      [2, 12, 'y'],
      [3, 7, 'y'],
      [4, 0],
      [5, 0, 'y'],
      [6, 11],
      [6, 7, 'y'],
      [7, 0],
    ],
    expected: ['raised@1', 'cleared@5', 'raised@6', 'cleared@7'],
  },
  {
    name: 'a reading that is not newer changes nothing',
    samples: [
      [5, 1],
      [4, 99],
      [5, 99],
    ],
    expected: [],
  },
  {
    name: 'a new life begins after the old one ended',
    samples: [
      [1, 11],
      [2, 1],
      [3, 11],
      [4, 1],
    ],
    expected: ['raised@1', 'cleared@2', 'raised@3', 'cleared@4'],
  },
];

for (const { name, rule, samples, expected } of cases) {
  test(name, () => assert.deepEqual(history(ruleWith(rule ?? {}), samples), expected));
}

test('a metric that the rule names no more keeps no alert raised', () => {
  const at = (timeUs: number, metric: string, value: number) => ({ device: 'dev-1', metric, timeUs, value });
  const beyond = evaluateReading(ruleWith({}), QUIET, at(1, 'y', 11));
  assert.equal(beyond.transition?.kind, 'raised');
  const narrower = ruleWith({ scope: { metrics: ['x'] } });
  assert.equal(evaluateReading(narrower, beyond.state, at(2, 'x', 0)).transition?.kind, 'cleared');
});

test('an alert of which nothing else is known stays until a metric is quiet', () => {
  const raised: RuleState = { ...QUIET, raised: true };
  const at = (value: number) =>
    evaluateReading(ruleWith({}), raised, { device: 'dev-1', metric: 'x', timeUs: 1, value });
  assert.equal(at(7).state.raised, true);
  assert.equal(at(5).transition?.kind, 'cleared');
});

test('the evidence names the rule version, the limit and the reading', () => {
  const reading = { device: 'dev-1', metric: 'x', timeUs: 7, value: 11 };
  const { transition } = evaluateReading(ruleWith({}), QUIET, reading);
  assert.deepEqual(transition?.evidence, {
    rule_version: 3,
    limit: 10,
    readings: [{ device: 'dev-1', metric: 'x', time_us: 7, value: 11 }],
  });
});

test('evaluating every reading twice gives the same transitions as once', () => {
  const sample = fc.tuple(
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: -15, max: 15 }),
    fc.constantFrom('x', 'y'),
  );
  fc.assert(
    fc.property(
      fc.array(sample),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      (samples, duration, quiet) => {
        const rule = ruleWith({ when: 'beyond', duration_s: duration, clear_after_s: quiet });
        const once = history(rule, samples);
        assert.deepEqual(
          history(
            rule,
            samples.flatMap((s) => [s, s]),
          ),
          once,
        );
        for (const [index, transition] of once.entries()) {
          assert.equal(transition.startsWith(index % 2 === 0 ? 'raised' : 'cleared'), true);
        }
      },
    ),
  );
});

test('a clear limit beyond the limit is refused', () => {
  assert.throws(() => ruleWith({ clear_limit: 11 }), /clear limit/);
  assert.throws(() => ruleWith({ when: 'below', limit: 1, clear_limit: 0 }), /clear limit/);
});
