import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RuleState } from '../../../../core/detection/evaluate.ts';
import { deviceRuleSchema, type DeviceRule } from '../../../../core/detection/rule.ts';
import {
  evaluateReading,
  replayHistory,
  throughCheckpoint,
  type RuleHistory,
  type Sample,
} from '../../../support/rule-history.ts';

const RATE_HZ = 50;

/** STA/LTA of the magnitude of three axes, as for the onset of a P wave. */
function shakingRule(changes: Record<string, unknown> = {}): DeviceRule {
  return deviceRuleSchema.parse({
    kind: 'deviation',
    id: 'shaking',
    version: 3,
    scope: { metrics: ['x', 'y', 'z'] },
    severity: 'Unknown',
    headline: 'Shaking',
    measure: 'sta_lta',
    short_s: 0.5,
    long_s: 10,
    highpass_hz: 0.5,
    noise_floor: 0.001,
    limit: 9,
    clear_limit: 2,
    spike_s: 0.1,
    clear_after_s: 1,
    ...changes,
  });
}

function zScoreRule(changes: Record<string, unknown> = {}): DeviceRule {
  const { short_s, spike_s, highpass_hz, ...rest } = shakingRule() as Record<string, unknown>;
  assert.ok(short_s !== undefined && spike_s !== undefined && highpass_hz !== undefined);
  return deviceRuleSchema.parse({
    ...rest,
    scope: { metrics: ['level'] },
    measure: 'z_score',
    when: 'beyond',
    long_s: 60,
    noise_floor: 0.1,
    limit: 6,
    clear_limit: 3,
    clear_after_s: 0,
    ...changes,
  });
}

interface History extends RuleHistory {
  readonly told: readonly string[];
}

function replay(...history: Parameters<typeof replayHistory>): History {
  const { transitions, state } = replayHistory(...history);
  return { transitions, told: transitions.map(({ kind, atUs }) => `${kind}@${(atUs / 1e6).toFixed(1)}`), state };
}

/** A noise that is the same in every run. */
function noise(index: number): number {
  const mixed = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(index + 7, 0x85ebca6b);
  return ((mixed >>> 8) % 2001) / 1000 - 1;
}

/** Three axes of noise, and what the ground does in addition. */
function ground(seconds: number, signalAt: (second: number) => number, noiseMs2 = 0.002): Sample[] {
  return Array.from({ length: seconds * RATE_HZ }, (_, index) => {
    const second = index / RATE_HZ;
    const signal = signalAt(second);
    return (['x', 'y', 'z'] as const).map((metric, axis): Sample => [
      second,
      signal + noiseMs2 * noise(3 * index + axis),
      metric,
    ]);
  }).flat();
}

const wave = (hertz: number, amplitude: number, fromS: number, toS: number) => (second: number) =>
  second >= fromS && second < toS ? amplitude * Math.sin(2 * Math.PI * hertz * (second - fromS)) : 0;

const cases: readonly {
  name: string;
  rule?: Record<string, unknown>;
  samples: readonly Sample[];
  expected: readonly string[];
}[] = [
  { name: 'noise raises nothing', samples: ground(60, () => 0), expected: [] },
  {
    name: 'a wave raises within a fraction of a second and clears after it has ended',
    samples: ground(40, wave(5, 0.05, 20, 24)),
    expected: ['raised@20.2', 'cleared@25.3'],
  },
  {
    name: 'the long window must have been filled',
    samples: ground(30, wave(5, 0.05, 8, 9)),
    expected: [],
  },
  {
    name: 'what was going on when the baseline began has no onset, and raises nothing before it was quiet once',
    samples: ground(40, (second) => wave(5, 0.00002 * 2 ** second, 0, 14)(second) + wave(5, 1, 30, 32)(second)),
    expected: ['raised@30.2', 'cleared@33.7'],
  },
  {
    name: 'what is slower than the high-pass raises nothing, however strong it is',
    samples: ground(60, (second) => 9.81 + wave(0.05, 0.05, 20, 40)(second)),
    expected: [],
  },
  {
    name: 'a spike of one sample raises nothing, however strong it is',
    samples: ground(30, (second) => (Math.abs(second - 20) < 0.001 ? 50 : 0)),
    expected: [],
  },
  {
    name: 'without the guard against spikes it does',
    rule: { spike_s: 0 },
    samples: ground(30, (second) => (Math.abs(second - 20) < 0.001 ? 50 : 0)),
    expected: ['raised@20.0', 'cleared@22.2'],
  },
  {
    name: 'nor does a burst of a few samples that is no longer than what counts as a spike',
    rule: { spike_s: 0.2 },
    samples: ground(30, wave(12, 0.05, 20, 20.08)),
    expected: [],
  },
  {
    name: 'below the noise floor a quiet place is not more sensitive',
    rule: { noise_floor: 0.02 },
    samples: ground(40, wave(5, 0.05, 20, 24)),
    expected: [],
  },
  {
    name: 'after a gap of more than the long window the baseline begins anew',
    samples: ground(60, wave(5, 0.05, 41, 42)).filter(([second]) => second < 20 || second > 40),
    expected: [],
  },
  {
    name: 'a sample whose axes have not all come counts for nothing',
    samples: ground(40, wave(5, 0.05, 20, 24)).filter(([, , metric]) => metric !== 'z'),
    expected: [],
  },
];

for (const { name, rule, samples, expected } of cases) {
  test(name, () => assert.deepEqual(replay(shakingRule(rule), samples).told, expected));
  test(`${name}: also when every reading comes twice and old ones in between, and another worker goes on`, () => {
    const twice = samples.flatMap((sample, index) => [
      sample,
      sample,
      ...(index % 7 === 0 ? [samples[index >> 1] ?? sample] : []),
    ]);
    assert.deepEqual(replay(shakingRule(rule), twice, (index) => index % 997 === 0).told, expected);
  });
}

test('the axes of one time may come in any order', () => {
  const samples = ground(40, wave(5, 0.05, 20, 24));
  const turned = Array.from({ length: samples.length / 3 }, (_, index) =>
    samples.slice(3 * index, 3 * index + 3).reverse(),
  ).flat();
  assert.deepEqual(replay(shakingRule(), turned).told, replay(shakingRule(), samples).told);
});

test('a burst knows its onset, which is before the limit was reached, and its peak; a trigger is told again as it grows', () => {
  const growing = (second: number) => wave(5, 0.02 + 0.1 * Math.max(0, second - 20), 20, 24)(second);
  const alerts = replay(shakingRule(), ground(40, growing)).transitions;
  assert.deepEqual(
    alerts.map(({ kind }) => kind),
    ['raised', 'cleared'],
  );
  const triggers = replay(shakingRule({ emits: 'trigger' }), ground(40, growing)).transitions;
  const kinds = triggers.map(({ kind }) => kind);
  assert.deepEqual([kinds[0], kinds.at(-1)], ['raised', 'cleared']);
  assert.ok(kinds.length >= 5 && kinds.slice(1, -1).every((kind) => kind === 'updated'), kinds.join());
  const [raised] = triggers;
  assert.ok(raised?.burst !== undefined && raised.burst.onsetUs >= 19.9e6 && raised.burst.onsetUs <= raised.atUs);
  assert.equal(raised.evidence.readings.length, 3);
  assert.ok((raised.evidence.measure ?? 0) > 9);
  const peaks = triggers.map(({ burst }) => burst?.peak ?? 0);
  for (const [index, peak] of peaks.slice(1, -1).entries()) assert.ok(peak >= 1.5 * (peaks[index] ?? 0));
  // Of the magnitude of three axes that move alike; a little is lost in the high-pass.
  assert.ok(Math.abs((peaks.at(-1) ?? 0) - 0.42 * Math.sqrt(3)) < 0.08, String(peaks.at(-1)));
});

test('a z-score compares a value with its moving mean in standard deviations', () => {
  const level = (count: number, valueAt: (second: number) => number): Sample[] =>
    Array.from({ length: count }, (_, second) => [second, valueAt(second), 'level']);
  const steady = (second: number) => 5 + 0.3 * noise(second);
  assert.deepEqual(replay(zScoreRule(), level(300, steady)).told, []);
  const rising = level(130, (second) => (second === 120 ? 8 : steady(second)));
  assert.deepEqual(replay(zScoreRule(), rising).told, ['raised@120.0', 'cleared@121.0']);
  const falling = level(130, (second) => (second === 120 ? 2 : steady(second)));
  assert.deepEqual(replay(zScoreRule(), falling).told, ['raised@120.0', 'cleared@121.0']);
  assert.deepEqual(replay(zScoreRule({ when: 'above' }), falling).told, []);
  const flat = level(130, (second) => (second === 120 ? 5.5 : 5));
  assert.deepEqual(replay(zScoreRule(), flat).told, [], 'what never moves has a noise floor too');
});

test('any values and times leave a state that can be written and read, and the same reading again changes nothing', () => {
  const reading = fc.record({
    metric: fc.constantFrom('x', 'y', 'z', 'constructor'),
    // Few times, so that the metrics of a sample come together, and baselines settle.
    timeUs: fc.integer({ min: 0, max: 40 }).map((tenth) => tenth * 100_000),
    value: fc.oneof(
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.constantFrom(0, 0, 0, 1e-3, 1e200, Number.MAX_VALUE, -Number.MAX_VALUE),
    ),
  });
  const rules = [
    shakingRule({ long_s: 1 }),
    shakingRule({ long_s: 1, highpass_hz: undefined, emits: 'trigger' }),
    zScoreRule({ scope: { metrics: ['x'] }, long_s: 1 }),
    zScoreRule({ scope: { metrics: ['x', 'constructor'] }, long_s: 1, highpass_hz: 1 }),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...rules), fc.array(reading, { minLength: 40, maxLength: 160 }), (rule, readings) => {
      let state: RuleState | undefined;
      for (const sample of [...readings].sort((a, b) => a.timeUs - b.timeUs)) {
        if (!('metrics' in rule.scope && rule.scope.metrics.includes(sample.metric))) continue;
        const result = evaluateReading(rule, state, { device: 'dev-1', ...sample });
        const again = evaluateReading(rule, result.state, { device: 'dev-1', ...sample });
        assert.equal(again.state, result.state);
        assert.equal(again.transition, undefined);
        state = throughCheckpoint(result.state);
        assert.deepEqual(state, JSON.parse(JSON.stringify(result.state)));
      }
    }),
    { numRuns: 300 },
  );
});

for (const [name, changes, path] of [
  ['a short window that is longer than the long one', { short_s: 20 }, 'long_s'],
  ['STA/LTA without a short window', { short_s: undefined }, 'short_s'],
  ['a z-score with one', { measure: 'z_score' }, 'short_s'],
  ['a spike as long as the short window', { spike_s: 0.5 }, 'spike_s'],
  ['a ratio that is below its limit', { when: 'below', clear_limit: 10 }, 'when'],
] as const) {
  test(`${name} is refused with the member to change`, () => {
    assert.throws(() => shakingRule(changes), new RegExp(path));
  });
}
