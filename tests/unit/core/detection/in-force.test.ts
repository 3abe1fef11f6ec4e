import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInForce, muteSchema, scheduleSchema } from '../../../../core/detection/in-force.ts';

const NIGHTS = scheduleSchema.parse({
  time_zone: 'Europe/Budapest',
  windows: [{ days: ['fri', 'sat'], from: '22:00', to: '06:30' }],
});
const ALL_DAY = scheduleSchema.parse({
  time_zone: 'UTC',
  windows: [{ days: ['sun'], from: '00:00', to: '24:00' }],
});

for (const [schedule, time, expected] of [
  [NIGHTS, '2026-11-20T21:59:59+01:00', false],
  [NIGHTS, '2026-11-20T22:00:00+01:00', true],
  [NIGHTS, '2026-11-21T06:29:59+01:00', true],
  [NIGHTS, '2026-11-21T06:30:00+01:00', false],
  // Sunday morning is the end of the window of Saturday; Friday morning is no window's.
  [NIGHTS, '2026-11-22T06:00:00+01:00', true],
  [NIGHTS, '2026-11-20T06:00:00+01:00', false],
  // The night of 2026-10-25 has 02:30 twice, that of 2026-03-29 not at all.
  [NIGHTS, '2026-10-25T02:30:00+02:00', true],
  [NIGHTS, '2026-10-25T02:30:00+01:00', true],
  [NIGHTS, '2026-10-25T06:30:00+01:00', false],
  [NIGHTS, '2026-03-29T06:29:00+02:00', true],
  [NIGHTS, '2026-03-29T06:30:00+02:00', false],
  [ALL_DAY, '2026-11-22T00:00:00Z', true],
  [ALL_DAY, '2026-11-22T23:59:59.999Z', true],
  [ALL_DAY, '2026-11-23T00:00:00Z', false],
] as const) {
  test(`a schedule of ${schedule.time_zone} ${expected ? 'holds' : 'does not hold'} at ${time}`, () => {
    assert.equal(isInForce({ schedule, mutes: [] }, 'dev-1', Date.parse(time) * 1000), expected);
  });
}

test('a mute begins and ends to the microsecond, of the devices that it names', () => {
  const mutes = [muteSchema.parse({ from: '2026-11-22T10:00:00Z', until: '2026-11-22T11:00:00Z', devices: ['dev-1'] })];
  const from = Date.parse('2026-11-22T10:00:00Z') * 1000;
  const told = (device: string | undefined, timeUs: number): boolean => isInForce({ mutes }, device, timeUs);
  assert.ok(told('dev-1', from - 1));
  assert.ok(!told('dev-1', from));
  assert.ok(!told('dev-1', from + 3_599_999_999));
  assert.ok(told('dev-1', from + 3_600_000_000));
  assert.ok(told('dev-2', from));
  assert.ok(told(undefined, from), 'what is of no device is muted by a mute of all alone');
});

for (const [name, input] of [
  [
    'a time zone that is none',
    { time_zone: 'Europe/Atlantis', windows: [{ days: ['fri'], from: '00:00', to: '01:00' }] },
  ],
  ['no window', { time_zone: 'UTC', windows: [] }],
  ['a time that no clock shows', { time_zone: 'UTC', windows: [{ days: ['fri'], from: '24:30', to: '01:00' }] }],
  ['a window of no length', { time_zone: 'UTC', windows: [{ days: ['fri'], from: '01:00', to: '01:00' }] }],
] as const) {
  test(`${name} is no schedule`, () => assert.ok(!scheduleSchema.safeParse(input).success));
}

test('a mute that ends before it begins, or at a time of no zone, is none', () => {
  assert.ok(!muteSchema.safeParse({ from: '2026-11-22T10:00:00Z', until: '2026-11-22T09:00:00Z' }).success);
  assert.ok(!muteSchema.safeParse({ until: '2026-11-22T09:00:00' }).success);
});
