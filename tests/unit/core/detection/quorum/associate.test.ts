import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { advance, associate } from '../../../../../core/detection/quorum/associate.ts';
import { EMPTY_QUORUM, type QuorumState } from '../../../../../core/detection/quorum/quorum-state.ts';
import type { QuorumTransition } from '../../../../../core/detection/quorum/quorum-event.ts';
import type { Network, TriggerNews } from '../../../../../core/detection/quorum/trigger.ts';
import { distanceM } from '../../../../../core/geo/position.ts';
import type { QuorumRule } from '../../../../../core/detection/rule.ts';
import {
  arrivalUs,
  networkOf,
  quakeRule,
  raised,
  square,
  START_US,
  triggerOf,
  type Source,
  type TestDevice,
} from './wave-triggers.ts';

const DEVICES = square(8, 7);
const QUAKE: Source = { lat: 47.2, lon: 19.3, timeUs: START_US };

interface Step {
  readonly news: TriggerNews;
  readonly nowUs: number;
}

interface Course {
  readonly state: QuorumState;
  readonly transitions: readonly QuorumTransition[];
}

/** Each device is heard until half a second ago, and one second passes at a time. */
function run(
  rule: QuorumRule,
  steps: readonly Step[],
  { devices = DEVICES, untilUs = 0, keep = (state: QuorumState) => state } = {},
): Course {
  let state = EMPTY_QUORUM;
  let tickUs = steps[0]?.nowUs ?? START_US;
  const transitions: QuorumTransition[] = [];
  const networkAt = (nowUs: number): Network => networkOf(devices, nowUs - 0.5e6);
  const tick = (toUs: number): void => {
    for (; tickUs <= toUs; tickUs += 1e6) {
      const passed = advance(rule, state, networkAt(tickUs), tickUs);
      state = keep(passed.state);
      transitions.push(...passed.transitions);
    }
  };
  for (const { news, nowUs } of steps) {
    tick(nowUs);
    const result = associate(rule, state, news, networkAt(nowUs), nowUs);
    state = keep(result.state);
    transitions.push(...result.transitions);
  }
  tick(untilUs);
  return { state, transitions };
}

/** What devices send that feel the quake, as far as it is felt: each half a second after the onset. */
function quake(source: Source, { devices = DEVICES, withinM = 60_000, peak = 0.1 } = {}): Step[] {
  return devices
    .filter((device) => distanceM(device.position, source) <= withinM)
    .map((device) => arrivalUs(source, device.position))
    .map((onsetUs, index) => ({
      onsetUs,
      device: devices.filter((d) => distanceM(d.position, source) <= withinM)[index],
    }))
    .sort((a, b) => a.onsetUs - b.onsetUs)
    .flatMap(({ onsetUs, device }) =>
      device === undefined ? [] : [{ news: raised(device, onsetUs, peak), nowUs: onsetUs + 0.5e6 }],
    );
}

const told = ({ transitions }: Course): readonly string[] =>
  transitions.map(({ kind, subject }) => `${kind} ${subject}`);
const kinds = ({ transitions }: Course): readonly string[] => transitions.map(({ kind }) => kind);
const ordered = (steps: readonly Step[]): Step[] => [...steps].sort((a, b) => a.nowUs - b.nowUs);

test('k devices that one wave reaches raise one alert, with the first trigger as its subject and what convinced it', () => {
  const steps = quake(QUAKE);
  const course = run(quakeRule(), steps.slice(0, 4));
  assert.deepEqual(told(course), [`raised ${steps[0]?.news.trigger.id}`]);
  const [alert] = course.transitions;
  assert.ok(alert !== undefined);
  assert.ok(distanceM(alert.position, QUAKE) < 10_000, String(distanceM(alert.position, QUAKE)));
  assert.equal(alert.evidence.rule_version, 4);
  assert.equal(alert.evidence.limit, 4);
  assert.equal(alert.evidence.measure, 4);
  assert.equal(alert.evidence.readings.length, 4);
  assert.ok((alert.evidence.fraction ?? 0) >= 0.5 && (alert.evidence.origin?.error_m ?? 0) > 0);
  assert.deepEqual(run(quakeRule(), steps.slice(0, 3)).transitions, []);
});

test('the whole quake is one alert that is updated as more devices feel it, and clears when it is over', () => {
  const course = run(quakeRule(), quake(QUAKE), { untilUs: START_US + 120e6 });
  assert.equal(kinds(course)[0], 'raised');
  assert.equal(kinds(course).at(-1), 'cleared');
  assert.ok(
    kinds(course)
      .slice(1, -1)
      .every((kind) => kind === 'updated') && kinds(course).length >= 4,
    kinds(course).join(),
  );
  assert.equal(new Set(course.transitions.map(({ subject }) => subject)).size, 1);
  assert.deepEqual(course.state, EMPTY_QUORUM);
});

test('one site and one owner have one vote, however many devices they have', () => {
  const steps = quake(QUAKE).slice(0, 10);
  const withSame = (changes: Partial<TestDevice>): Step[] =>
    steps.map(({ news, nowUs }) => ({ news: { ...news, trigger: { ...news.trigger, ...changes } }, nowUs }));
  assert.deepEqual(run(quakeRule(), withSame({ owner: 'one' })).transitions, []);
  assert.deepEqual(run(quakeRule(), withSame({ site: 'one' })).transitions, []);
  assert.deepEqual(kinds(run(quakeRule(), withSame({ owner: null, site: null }))).slice(0, 1), ['raised']);
  const oneLies = steps.map(({ news, nowUs }, index) => ({
    news: { ...news, trigger: { ...news.trigger, owner: index < 7 ? 'liar' : news.trigger.owner } },
    nowUs,
  }));
  const course = run(quakeRule(), oneLies);
  assert.deepEqual(kinds(course), ['raised'], 'one vote of the liar and three of others');
  assert.deepEqual(course.transitions[0]?.evidence.readings.length, 4);
});

test('severity follows what half of k devices have reached: one that lies does not make it extreme', () => {
  const steps = quake(QUAKE).slice(0, 6);
  const [first, second] = steps;
  assert.ok(first !== undefined && second !== undefined);
  const grown = ({ news }: Step, peak: number): Step => ({
    news: { kind: 'updated', trigger: { ...news.trigger, peak } },
    nowUs: START_US + 20e6,
  });
  const one = run(quakeRule(), [...steps, grown(first, 9)]);
  assert.ok(one.transitions.every(({ severity }) => severity === 'Moderate'));
  const two = run(quakeRule(), [...steps, grown(first, 9), grown(second, 3)]);
  assert.equal(two.transitions.at(-1)?.kind, 'updated');
  assert.equal(two.transitions.at(-1)?.severity, 'Extreme');
});

test('two quakes at once, far enough apart, are two alerts', () => {
  const other: Source = { lat: 47.42, lon: 19.62, timeUs: START_US + 0.5e6 };
  const here = { ...QUAKE, lat: 47.05, lon: 19.08 };
  const near = (source: Source, rival: Source): Step[] =>
    quake(source).filter(({ news: { trigger } }) => {
      const mine = arrivalUs(source, trigger.position);
      return mine <= arrivalUs(rival, trigger.position);
    });
  const course = run(quakeRule(), ordered([...near(here, other), ...near(other, here)]), { untilUs: START_US + 120e6 });
  const places = course.transitions.filter(({ kind }) => kind === 'raised').map(({ position }) => position);
  assert.equal(places.length, 2, told(course).join());
  for (const source of [here, other]) {
    assert.ok(
      places.some((place) => distanceM(place, source) < 15_000),
      JSON.stringify(places),
    );
  }
});

test('triggers at random, and what moves with the speed of sound, convince nobody', () => {
  // Without a bias towards small numbers: what comes in one moment from one place is a quake.
  const second = fc.noBias(fc.integer({ min: 0, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(second, fc.noBias(fc.nat(DEVICES.length - 1))), { maxLength: 60 }), (noises) => {
      const steps = noises.flatMap(([ms, index]) => {
        const device = DEVICES[index];
        const onsetUs = START_US + ms * 1000;
        return device === undefined ? [] : [{ news: raised(device, onsetUs), nowUs: onsetUs + 0.5e6 }];
      });
      assert.deepEqual(run(quakeRule(), ordered(steps)).transitions, []);
    }),
    { numRuns: 40 },
  );
  const thunder = DEVICES.map((device) => {
    const onsetUs = Math.round(START_US + (distanceM(device.position, QUAKE) / 340) * 1e6);
    return { news: raised(device, onsetUs), nowUs: onsetUs + 0.5e6 };
  });
  assert.deepEqual(run(quakeRule(), ordered(thunder)).transitions, []);
});

test('devices that should have heard it and have not keep it from being an alert, unless they are not there', () => {
  const deaf = (index: number): boolean => index % 3 !== 0;
  const hearing = DEVICES.filter((_, index) => !deaf(index));
  const steps = quake(QUAKE, { devices: hearing }).map((step) => ({ ...step, nowUs: step.nowUs + 10e6 }));
  assert.deepEqual(run(quakeRule(), steps).transitions, []);
  assert.equal(kinds(run(quakeRule(), steps, { devices: hearing }))[0], 'raised');
  assert.equal(kinds(run(quakeRule({ fraction: 0.2 }), steps))[0], 'raised');
});

test('an alert is cancelled when it turns out that most devices around have not felt it, and its triggers were false', () => {
  const steps = quake(QUAKE);
  // Every second of those that are reached, told before the others can have felt it.
  const odd = steps.filter((_, index) => index % 4 === 0).slice(0, 4);
  const nowUs = odd.at(-1)?.nowUs ?? 0;
  const rule = quakeRule({ fraction: 0.9, quarantine: { triggers: 1, within_s: 600 } });
  const course = run(
    rule,
    odd.map(({ news }) => ({ news, nowUs: nowUs - 1e6 })),
    { untilUs: START_US + 30e6 },
  );
  assert.deepEqual([kinds(course)[0], kinds(course).at(-1)], ['raised', 'cancelled']);
  assert.equal(Object.keys(course.state.falseTriggers).length, 4);
});

test('one device far out, or one that shakes on, takes back no alert and makes no new one', () => {
  const steps = quake(QUAKE, { withinM: 14_000 });
  assert.ok(steps.length >= 8);
  const lastUs = steps.at(-1)?.nowUs ?? 0;
  const others = DEVICES.filter((device) => distanceM(device.position, QUAKE) > 25_000).slice(0, 3);
  const late = others.map((device, index) => ({
    news: raised(device, lastUs + index * 5e6),
    nowUs: lastUs + index * 5e6 + 0.5e6,
  }));
  const course = run(quakeRule(), [...steps, ...late], { untilUs: lastUs + 100e6 });
  assert.deepEqual([kinds(course)[0], kinds(course).at(-1)], ['raised', 'cleared']);
  assert.ok(!kinds(course).includes('cancelled') && kinds(course).filter((kind) => kind === 'raised').length === 1);
});

test('a stronger quake in the shaking of a weaker one makes its alert more severe', () => {
  const steps = quake(QUAKE);
  const again = quake({ ...QUAKE, timeUs: START_US + 30e6 }, { peak: 3 });
  const course = run(quakeRule(), [...steps, ...again], { untilUs: START_US + 200e6 });
  const severities = course.transitions.map(({ kind, severity }) => `${kind} ${severity}`);
  assert.ok(severities.includes('updated Extreme'), severities.join());
});

test('a quake after the alert of another one has cleared is another alert', () => {
  const again = quake({ ...QUAKE, timeUs: START_US + 120e6 });
  const course = run(quakeRule(), [...quake(QUAKE), ...again], { untilUs: START_US + 300e6 });
  assert.equal(kinds(course).filter((kind) => kind === 'raised').length, 2, kinds(course).join());
  assert.equal(kinds(course).filter((kind) => kind === 'cleared').length, 2);
});

test('nothing is raised for the past', () => {
  const steps = quake(QUAKE).map((step) => ({ ...step, nowUs: step.nowUs + 600e6 }));
  assert.deepEqual(run(quakeRule(), steps).transitions, []);
});

test('a flood of one owner pushes the vote of nobody else out', () => {
  const steps = quake(QUAKE).slice(0, 4);
  const [first, ...others] = steps;
  assert.ok(first !== undefined);
  const flood = Array.from({ length: 3000 }, (_, index) => ({
    news: raised(
      { device: `flood-${index}`, site: null, owner: 'flood', position: { lat: 47.5, lon: 19.6 } },
      first.nowUs,
    ),
    nowUs: first.nowUs,
  }));
  const course = run(quakeRule(), [first, ...flood, ...others]);
  assert.equal(kinds(course)[0], 'raised');
  assert.ok(course.state.open.length < 20);
});

test('with k = 2 one device alone does not make an alert extreme either', () => {
  const steps = quake(QUAKE).slice(0, 2);
  const [one, other] = steps;
  assert.ok(one !== undefined && other !== undefined);
  const strong = { ...one, news: { ...one.news, trigger: { ...one.news.trigger, peak: 9 } } };
  assert.equal(run(quakeRule({ k: 2 }), [strong, other]).transitions[0]?.severity, 'Moderate');
});

test('a device that triggers all the time has no vote until it is quiet', () => {
  const rule = quakeRule({ quarantine: { triggers: 3, within_s: 100 } });
  const steps = quake({ ...QUAKE, timeUs: START_US + 60e6 }).slice(0, 4);
  const noisy = steps[1]?.news.trigger;
  assert.ok(noisy !== undefined);
  const chatter = (count: number, fromUs: number): Step[] =>
    Array.from({ length: count }, (_, index) => {
      const onsetUs = fromUs + index * 10e6;
      return { news: { kind: 'raised', trigger: triggerOf(noisy, onsetUs) }, nowUs: onsetUs + 0.5e6 };
    });
  assert.deepEqual(run(rule, [...chatter(3, START_US), ...steps]).transitions, []);
  const lastMinute = chatter(4, START_US + 60e6).map((step, index) => {
    const onsetUs = noisy.onsetUs - 2000 + index * 500;
    return { news: { kind: 'raised' as const, trigger: { ...step.news.trigger, onsetUs } }, nowUs: onsetUs + 0.5e6 };
  });
  const [a, , c, d] = steps;
  assert.ok(a !== undefined && c !== undefined && d !== undefined);
  assert.deepEqual(run(rule, ordered([a, ...lastMinute, c, d])).transitions, [], 'nor with a trigger of before');
  assert.deepEqual(kinds(run(rule, [...chatter(2, START_US), ...steps])), ['raised']);
  assert.deepEqual(kinds(run(rule, [...chatter(3, START_US - 200e6), ...steps])), ['raised']);
});

test('without a wave a quorum is k devices within a distance and a window, as of flood gauges', () => {
  const rule = quakeRule({ wave: undefined, window_s: 600, k: 3, fraction: 0, within_m: 10_000, clear_after_s: 3600 });
  const gauges = [0, 1, 8, 40].map((index) => DEVICES[index]).filter((device) => device !== undefined);
  const steps = gauges.map((device, index) => ({
    news: raised(device, START_US + index * 200e6),
    nowUs: START_US + index * 200e6 + 1e6,
  }));
  const course = run(rule, steps, { untilUs: START_US + 5000e6 });
  assert.deepEqual(kinds(course), ['raised', 'cleared']);
  assert.equal(course.transitions[0]?.evidence.origin, undefined);
  assert.deepEqual(
    run(
      rule,
      steps.filter((_, index) => index !== 1),
    ).transitions,
    [],
    'one of three is too far away',
  );
});

/** Onsets are a little off, and what is told takes up to two seconds on its way. */
const anyDelays = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 64, maxLength: 64 });

test('the same news again changes nothing, and state that was kept and read goes on alike', () => {
  fc.assert(
    fc.property(anyDelays, (delays) => {
      const steps = ordered(
        quake(QUAKE).map(({ news, nowUs }, index) => ({ news, nowUs: nowUs + (delays[index] ?? 0) * 1000 })),
      );
      const once = run(quakeRule(), steps, { untilUs: START_US + 100e6 });
      const twice = steps.flatMap((step) => [step, step]);
      assert.deepEqual(told(run(quakeRule(), twice, { untilUs: START_US + 100e6 })), told(once));
      const kept = run(quakeRule(), steps, {
        untilUs: START_US + 100e6,
        keep: (state) => JSON.parse(JSON.stringify(state)) as QuorumState,
      });
      assert.deepEqual(kept.transitions, once.transitions);
      assert.equal(once.transitions.filter(({ kind }) => kind === 'raised').length, 1, 'in whatever order they come');
    }),
    { numRuns: 8 },
  );
});
