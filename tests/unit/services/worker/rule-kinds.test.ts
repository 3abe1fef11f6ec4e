import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ruleSchema, type Rule } from '../../../../core/detection/rule.ts';
import { HARBOUR } from '../../../support/harbour.ts';
import { tellHistory, type HistoryStep, type HistoryWorld } from '../../../support/shard-history.ts';

/** What comes right when it was measured. */
function at(timeS: number, value: number, metric = 'x'): HistoryStep {
  return { at: timeS, readings: [[metric, timeS, value]] };
}

const pass = (timeS: number): HistoryStep => ({ at: timeS });

function rule(kind: string, changes: Record<string, unknown> = {}): Rule {
  return ruleSchema.parse({ kind, id: 'rule', version: 1, severity: 'Minor', headline: 'Rule', ...changes });
}

function threshold(changes: Record<string, unknown> = {}): Rule {
  return rule('threshold', { scope: { metrics: ['x', 'y'] }, when: 'above', limit: 10, clear_limit: 5, ...changes });
}

function absence(changes: Record<string, unknown> = {}): Rule {
  return rule('absence', { scope: { metrics: ['x'] }, absent_s: 60, ...changes });
}

function rate(changes: Record<string, unknown> = {}): Rule {
  return threshold({ kind: 'rate', over_s: 10, limit: 1, clear_limit: 0.5, ...changes });
}

function deviation(changes: Record<string, unknown> = {}): Rule {
  return threshold({
    kind: 'deviation',
    scope: { metrics: ['x'] },
    measure: 'z_score',
    long_s: 20,
    noise_floor: 1,
    limit: 5,
    clear_limit: 3,
    ...changes,
  });
}

const isAt = (timeS: number, lat: number, receivedS = timeS): HistoryStep => ({
  at: receivedS,
  position: [timeS, lat, 19.5],
});

/** Nothing happens for long enough that there is a mean. */
const calm = Array.from({ length: 31 }, (_, second) => at(second, second % 2));

interface History {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly steps: readonly HistoryStep[];
  readonly expected: readonly string[];
  readonly world?: HistoryWorld;
  /** By how many steps a worker may be behind that goes on; 3 unless told. */
  readonly mostBehind?: number;
}

const histories: readonly History[] = [
  {
    name: 'threshold: beyond the limit, in the band, and back',
    rules: [threshold()],
    steps: [at(0, 11), at(1, 7), at(2, 12), at(3, 5), at(4, 7)],
    expected: ['raised@0', 'cleared@3'],
  },
  {
    name: 'threshold: what is older than the newest of its metric changes nothing, and of another metric it does',
    rules: [threshold()],
    steps: [
      { at: 10, readings: [['x', 10, 0]] },
      { at: 11, readings: [['x', 9, 99]] },
      { at: 12, readings: [['y', 9, 99]] },
    ],
    expected: ['raised@9'],
  },
  {
    name: 'threshold: what is more than a minute late changes nothing, and a minute late it does',
    rules: [threshold()],
    steps: [
      { at: 100, readings: [['x', 39.9, 99]] },
      { at: 101, readings: [['x', 41, 99]] },
    ],
    expected: ['raised@41'],
  },
  {
    name: 'threshold: a reading of the future counts at its time, and what comes before that is old',
    rules: [threshold({ duration_s: 5 })],
    steps: [at(0, 11), { at: 1, readings: [['x', 20, 11]] }, at(2, 0), at(21, 0)],
    expected: ['raised@20', 'cleared@21'],
  },
  {
    name: 'threshold: a pack that lists the newest first',
    rules: [threshold({ duration_s: 2 })],
    steps: [
      {
        at: 3,
        readings: [
          ['x', 3, 12],
          ['x', 2, 12],
          ['x', 1, 12],
        ],
      },
    ],
    expected: ['raised@3'],
  },
  {
    name: 'threshold: ten minutes beyond the limit, and ten within',
    rules: [threshold({ duration_s: 600, clear_after_s: 600 })],
    steps: [
      ...Array.from({ length: 21 }, (_, index) => at(index * 30, 11)),
      ...Array.from({ length: 21 }, (_, index) => at(630 + index * 30, 4)),
    ],
    expected: ['raised@600', 'cleared@1230'],
  },
  {
    name: 'threshold: an alert of a day clears',
    rules: [threshold()],
    steps: [at(0, 11), at(43_200, 11), at(86_400, 1)],
    expected: ['raised@0', 'cleared@86400'],
  },
  {
    name: 'threshold: each severity has limits of its own, and the worst is told',
    rules: [
      threshold({
        levels: [
          { severity: 'Severe', limit: 20, clear_limit: 15 },
          { severity: 'Extreme', limit: 40, clear_limit: 30 },
        ],
      }),
    ],
    steps: [at(0, 11), at(1, 21), at(2, 16), at(3, 41), at(4, 31), at(5, 29), at(6, 14), at(7, 99), at(8, 0)],
    expected: [
      'raised@0',
      'updated@1 Severe',
      'updated@3 Extreme',
      'updated@5 Severe',
      'updated@6',
      'updated@7 Extreme',
      'cleared@8 Extreme',
    ],
  },
  {
    name: 'threshold: the next alert begins with a severity of its own',
    rules: [threshold({ levels: [{ severity: 'Extreme', limit: 40, clear_limit: 1 }] })],
    steps: [at(0, 50), at(1, 5), at(2, 11), at(3, 0)],
    expected: ['raised@0 Extreme', 'cleared@1 Extreme', 'raised@2', 'cleared@3'],
  },
  {
    name: 'threshold: a mute tells nobody, and what goes on after it is told then',
    rules: [threshold({ mutes: [{ from: '2023-11-14T22:13:22Z', until: '2023-11-14T22:13:30Z' }] })],
    steps: [at(2, 11), at(3, 1), at(4, 11), at(9, 11), at(10, 11), at(11, 1)],
    expected: ['raised@10', 'cleared@11'],
  },
  {
    name: 'threshold: an alert that is active clears also in a mute, and other devices are not muted',
    rules: [
      threshold({
        mutes: [{ from: '2023-11-14T22:13:22Z', until: '2023-11-14T23:13:20Z', devices: ['dev-1'] }],
      }),
    ],
    steps: [at(1, 11), at(3, 1), at(4, 11), { at: 5, device: 'dev-2', readings: [['x', 5, 11]] }],
    expected: ['raised@1', 'cleared@3', 'raised@5 dev-2'],
    world: { devices: [{}, { id: 'dev-2' }] },
  },
  {
    name: 'threshold: out of hours nobody is told, in hours they are',
    // The history begins at 22:13:20 UTC of a Tuesday, 16:13:20 in Mexico.
    rules: [
      threshold({
        schedule: { time_zone: 'America/Mexico_City', windows: [{ days: ['tue'], from: '16:15', to: '18:00' }] },
      }),
    ],
    steps: [at(0, 11), at(99, 11), at(100, 11), at(101, 1)],
    expected: ['raised@100', 'cleared@101'],
  },
  {
    name: 'threshold: people are told again while it lasts',
    rules: [threshold({ repeat_every_s: 30 })],
    steps: [at(0, 11), at(20, 11), at(30, 11), at(59, 7), at(60, 7), at(61, 1)],
    expected: ['raised@0', 'updated@30', 'updated@60', 'cleared@61'],
  },
  {
    name: 'threshold: what comes and goes is one alert after the second time',
    rules: [threshold({ flapping: { raises: 2, within_s: 100 } })],
    steps: [
      at(0, 11),
      at(1, 1),
      at(2, 11),
      at(3, 1),
      at(4, 11),
      at(5, 1),
      at(104, 1),
      at(105, 1),
      at(300, 11),
      at(301, 1),
    ],
    expected: ['raised@0', 'cleared@1', 'raised@2', 'cleared@105', 'raised@300', 'cleared@301'],
    // Of an alert that went out just before a kill nobody knows any more when that was.
    mostBehind: 0,
  },
  {
    name: 'threshold: with a lateness the order within it makes no difference',
    rules: [threshold({ lateness_s: 10, duration_s: 4 })],
    steps: [
      { at: 9, readings: [['x', 9, 11]] },
      { at: 10, readings: [['x', 3, 1]] },
      { at: 11, readings: [['x', 5, 11]] },
      { at: 14, readings: [['x', 14, 1]] },
      { at: 19, readings: [['x', 19, 1]] },
      { at: 26, readings: [['x', 26, 1]] },
    ],
    expected: ['raised@9', 'cleared@14'],
  },
  {
    name: 'threshold: what waits is evaluated when nothing more comes',
    rules: [threshold({ lateness_s: 10 })],
    steps: [at(0, 11), at(2, 1), pass(11), pass(14)],
    expected: ['raised@0', 'cleared@2'],
  },
  {
    name: 'threshold: with a lateness what comes later than that is late',
    rules: [threshold({ lateness_s: 5 })],
    steps: [
      at(0, 1),
      at(10, 1),
      { at: 11, readings: [['x', 5, 99]] },
      { at: 12, readings: [['x', 5.1, 99]] },
      at(30, 1),
    ],
    expected: ['raised@5.1', 'cleared@10'],
  },
  {
    name: 'threshold: of devices with a tag, or in a zone',
    rules: [threshold({ scope: { metrics: ['x'], tags: ['roof'], zones: ['budapest'] } })],
    steps: [
      { at: 0, readings: [['x', 0, 11]] },
      { at: 1, device: 'roof', readings: [['x', 1, 11]] },
      { at: 2, device: 'away', readings: [['x', 2, 11]] },
    ],
    expected: ['raised@1 roof'],
    world: { devices: [{}, { id: 'roof', tags: ['roof'] }, { id: 'away', tags: ['roof'], zones: [] }] },
  },
  {
    name: 'threshold: what an exercise raises is an exercise, whatever the rule says',
    rules: [threshold()],
    steps: [at(0, 11), { at: 1, device: 'dev-2', readings: [['x', 1, 11]] }],
    expected: ['raised@0 Exercise', 'raised@1 dev-2 Test'],
    world: { devices: [{ status: 'Exercise' }, { id: 'dev-2', status: 'Test' }] },
  },
  {
    name: 'threshold: an alert whose rule is switched off is cancelled, and a new one can be raised',
    rules: [threshold()],
    steps: [
      at(0, 11),
      { at: 10, rules: [threshold({ version: 2, enabled: false })] },
      { at: 20, rules: [threshold({ version: 3 })] },
      at(21, 11),
    ],
    expected: ['raised@0', 'cancelled@9', 'raised@21'],
  },
  {
    name: 'rate: a fast rise, and a slow one',
    rules: [rate()],
    steps: [at(0, 0), at(10, 5), at(20, 30), at(30, 31)],
    expected: ['raised@20', 'cleared@30'],
  },
  {
    name: 'rate: duplicated, reordered, late and future readings',
    rules: [rate()],
    steps: [
      at(0, 0),
      { at: 1, readings: [['x', 0, 99]] },
      { at: 20, readings: [['x', 20, 30]] },
      { at: 21, readings: [['x', 10, 5]] },
      { at: 22, readings: [['x', 31, 31]] },
      { at: 23, readings: [['x', -40, 99]] },
    ],
    expected: ['raised@20', 'cleared@31'],
  },
  {
    name: 'rate: severities by limits of the rate',
    rules: [rate({ levels: [{ severity: 'Severe', limit: 5, clear_limit: 4 }] })],
    steps: [at(0, 0), at(10, 20), at(20, 90), at(30, 90)],
    expected: ['raised@10', 'updated@20 Severe', 'cleared@30 Severe'],
  },
  {
    name: 'deviation: far from the mean, and back',
    rules: [deviation()],
    steps: [...calm, at(31, 30), at(32, 0)],
    expected: ['raised@31', 'cleared@32'],
  },
  {
    name: 'deviation: duplicated, reordered and late readings are no news; one of the future counts at its time',
    rules: [deviation()],
    steps: [
      ...calm,
      { at: 31, readings: [['x', 29, 99]] },
      { at: 31, readings: [['x', -40, 99]] },
      { at: 32, readings: [['x', 40, 99]] },
      at(39, 0),
      at(41, 0),
    ],
    expected: ['raised@40', 'cleared@41'],
  },
  {
    name: 'absence: a minute without a reading, and the next one',
    rules: [absence()],
    steps: [at(0, 1), pass(60), pass(61), pass(61.2), pass(90), at(100, 1), pass(110)],
    expected: ['raised@60', 'cleared@100'],
  },
  {
    name: 'absence: a reading that comes in the last moment is in time, also when it is read after that',
    rules: [absence()],
    steps: [at(0, 1), pass(60.5), { at: 60, readings: [['x', 60, 1]] }, pass(90), pass(121), pass(121.2)],
    expected: ['raised@120'],
  },
  {
    name: 'absence: packs of other devices tell that time has passed',
    rules: [absence()],
    steps: [at(0, 1), { at: 61.1, device: 'dev-2', readings: [['x', 61.1, 1]] }],
    expected: ['raised@60'],
    world: { devices: [{}, { id: 'dev-2' }] },
  },
  {
    name: 'absence: other metrics, and readings that are late, are no sign of life',
    rules: [absence()],
    steps: [at(0, 1), at(30, 1, 'z'), { at: 59, readings: [['x', -2, 1]] }, pass(62)],
    expected: ['raised@60'],
  },
  {
    name: 'absence: an old reading that comes now is one',
    rules: [absence()],
    steps: [at(0, 1), { at: 50, readings: [['x', -5, 1]] }, pass(62), pass(112)],
    expected: ['raised@110'],
  },
  {
    name: 'absence: people are told again, and not in a mute',
    rules: [absence({ repeat_every_s: 60, mutes: [{ until: '2023-11-14T22:15:20Z' }] })],
    steps: [at(0, 1), pass(62), pass(122), pass(182), at(200, 1)],
    expected: ['raised@120', 'updated@180', 'cleared@200'],
  },
  {
    name: 'absence: a device that was never heard is not missed, nor one whose rule is switched off',
    rules: [absence()],
    steps: [
      { at: 0, device: 'dev-2', readings: [['z', 0, 1]] },
      at(1, 1),
      { at: 2, rules: [absence({ enabled: false })] },
      pass(500),
      { at: 501, rules: [absence()] },
      pass(502),
    ],
    expected: [],
    world: { devices: [{}, { id: 'dev-2' }] },
    // That the rule was off is kept within a second.
    mostBehind: 1,
  },
  {
    name: 'absence: who sent while the rule was off, and after that, was not silent',
    rules: [absence()],
    steps: [
      at(0, 1),
      { at: 10, rules: [absence({ enabled: false })] },
      ...Array.from({ length: 10 }, (_, index) => at(20 + index * 30, 1)),
      { at: 295, rules: [absence()] },
      at(296, 1),
      pass(340),
      pass(360),
    ],
    expected: ['raised@356'],
  },
  {
    name: 'absence: a device that the rule is not for any more is not missed, and what it had raised is taken back',
    rules: [absence({ scope: { metrics: ['x'], tags: ['buoy'] } })],
    steps: [
      { at: 0, readings: [['x', 0, 1]] },
      { at: 0.1, device: 'dev-2', readings: [['x', 0.1, 1]] },
      pass(62),
      { at: 63, devices: [{ tags: [] }, { id: 'dev-2', tags: [] }] },
      { at: 70, readings: [['x', 70, 1]] },
      pass(500),
    ],
    expected: ['raised@60', 'raised@60.1 dev-2', 'cancelled@70'],
    world: {
      devices: [{ tags: ['buoy'] }, { id: 'dev-2', tags: ['buoy'] }],
    },
  },
  {
    name: 'threshold: an alert of a device that has left the zone of the rule is taken back with its next pack',
    rules: [threshold({ scope: { metrics: ['x'], zones: ['budapest'] } })],
    steps: [at(0, 11), { at: 5, devices: [{ zones: [] }] }, at(10, 11), at(20, 11)],
    expected: ['raised@0', 'cancelled@10'],
  },
  {
    name: 'threshold: in a mute nobody is told again or of another severity, and after it they are',
    rules: [
      threshold({
        repeat_every_s: 10,
        mutes: [{ from: '2023-11-14T22:13:25Z', until: '2023-11-14T22:14:20Z' }],
        levels: [{ severity: 'Severe', limit: 20, clear_limit: 15 }],
      }),
    ],
    steps: [at(0, 11), at(20, 11), at(30, 30), at(59, 30), at(60, 30), at(61, 0)],
    expected: ['raised@0', 'updated@60 Severe', 'cleared@61 Severe'],
  },
  {
    name: 'absence: in a mute nobody is told again',
    rules: [absence({ repeat_every_s: 30, mutes: [{ from: '2023-11-14T22:14:30Z', until: '2023-11-14T22:16:20Z' }] })],
    steps: [at(0, 1), pass(62), pass(100), pass(130), pass(182), pass(220), at(230, 1)],
    expected: ['raised@60', 'updated@180', 'updated@210', 'cleared@230'],
    // When somebody looks decides when they are told again.
    mostBehind: 0,
  },
  {
    name: 'threshold: an alert that comes and goes for long clears after as long a quiet',
    rules: [threshold({ flapping: { raises: 3, within_s: 600 } })],
    steps: [
      at(0, 11),
      at(1, 1),
      at(300, 11),
      at(301, 1),
      at(590, 11),
      at(591, 1),
      at(602, 1),
      at(1190, 1),
      at(1191, 1),
    ],
    expected: ['raised@0', 'cleared@1', 'raised@300', 'cleared@301', 'raised@590', 'cleared@1191'],
    mostBehind: 0,
  },
  {
    name: 'geofence: into a zone and out of it',
    rules: [rule('geofence', { zone: 'harbour', when: 'inside' })],
    steps: [isAt(0, 46), isAt(1, 47.5), isAt(2, 47), isAt(3, 48.001)],
    expected: ['raised@1', 'cleared@3'],
    world: { areas: new Map([['harbour', HARBOUR]]) },
  },
  {
    name: 'geofence: outside for a while; late, reordered and future positions',
    rules: [rule('geofence', { zone: 'harbour', when: 'outside', duration_s: 10 })],
    steps: [
      isAt(0, 46),
      isAt(5, 46),
      isAt(3, 47.5, 6),
      isAt(-60, 47.5, 7),
      isAt(20, 46, 8),
      isAt(10, 47.5, 10),
      isAt(21, 47.5),
    ],
    expected: ['raised@20', 'cleared@21'],
    world: { areas: new Map([['harbour', HARBOUR]]) },
  },
  {
    name: 'geofence: a zone that nobody knows raises nothing',
    rules: [rule('geofence', { zone: 'elsewhere', when: 'outside' })],
    steps: [isAt(0, 46)],
    expected: [],
  },
];

for (const { name, rules, steps, expected, world, mostBehind = 3 } of histories) {
  test(name, async () => assert.deepEqual(await tellHistory(rules, steps, {}, world), expected));
  test(`${name}: also when all is in the log twice`, async () => {
    assert.deepEqual(await tellHistory(rules, steps, { twice: true }, world), expected);
  });
  // What is evaluated on arrival is late by then, and that is as it should be.
  if (rules.every((each) => each.kind === 'absence' || ('lateness_s' in each && each.lateness_s > 0))) {
    test(`${name}: also when all of it is read long after it came`, async () => {
      assert.deepEqual(await tellHistory(rules, steps, { readLate: true }, world), expected);
    });
  }
  for (const keptBehind of [0, 1, 3].filter((behind) => behind <= mostBehind)) {
    test(`${name}: also when another worker goes on after each step, from ${keptBehind} before`, async () => {
      assert.deepEqual(await tellHistory(rules, steps, { keptBehind }, world), expected);
    });
  }
}
