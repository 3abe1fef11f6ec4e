import { z } from 'zod';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const WEEKDAYS: Readonly<Record<string, (typeof DAYS)[number]>> = Object.fromEntries(
  DAYS.map((day) => [`${day.charAt(0).toUpperCase()}${day.slice(1)}`, day]),
);
const DAY_MIN = 24 * 60;

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time of day, such as 07:30');

/** Hours of a week in which a rule may tell people. */
export const scheduleSchema = z.strictObject({
  /** IANA name. */
  time_zone: z.string().refine(isTimeZone, 'not a time zone, such as America/Mexico_City'),
  windows: z
    .array(
      z
        .strictObject({ days: z.array(z.enum(DAYS)).min(1).max(7), from: timeOfDay, to: timeOfDay })
        .refine(({ from, to }) => from !== to && from !== '24:00', {
          path: ['from'],
          message: 'a window ends at another time than it begins; 00:00 to 24:00 is a whole day',
        }),
    )
    .min(1)
    .max(21),
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** A time in which a rule tells nobody, of some devices or of all. */
export const muteSchema = z
  .strictObject({
    from: z.iso.datetime({ offset: true }).optional(),
    until: z.iso.datetime({ offset: true }),
    devices: z.array(z.string()).min(1).optional(),
  })
  .refine(({ from, until }) => from === undefined || Date.parse(from) < Date.parse(until), {
    path: ['until'],
    message: 'it must end after it has begun',
  });
export type Mute = z.infer<typeof muteSchema>;

export interface Telling {
  readonly schedule?: Schedule | undefined;
  readonly mutes: readonly Mute[];
}

/**
 * Whether a rule may tell people of something at a time.
 *
 * @param device undefined for what is of no device
 * @param timeUs event time, Unix microseconds
 */
export function isInForce({ schedule, mutes }: Telling, device: string | undefined, timeUs: number): boolean {
  const timeMs = timeUs / 1000;
  const isMuted = mutes.some(
    ({ from, until, devices }) =>
      (devices === undefined || (device !== undefined && devices.includes(device))) &&
      (from === undefined || Date.parse(from) <= timeMs) &&
      timeMs < Date.parse(until),
  );
  return !isMuted && (schedule === undefined || isOpen(schedule, timeMs));
}

/** A window that ends earlier in the day than it begins goes on in the next day. */
function isOpen({ time_zone: timeZone, windows }: Schedule, timeMs: number): boolean {
  const { day, minute } = wallClock(timeZone, timeMs);
  const before = DAYS[(DAYS.indexOf(day) + DAYS.length - 1) % DAYS.length];
  return windows.some(({ days, from, to }) => {
    const [fromMin, toMin] = [minuteOf(from), minuteOf(to)];
    if (fromMin < toMin) return days.includes(day) && fromMin <= minute && minute < toMin;
    return (
      (days.includes(day) && fromMin <= minute) || (before !== undefined && days.includes(before) && minute < toMin)
    );
  });
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall shows there. */
function wallClock(timeZone: string, timeMs: number): { readonly day: (typeof DAYS)[number]; readonly minute: number } {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    clocks.set(timeZone, clock);
  }
  const parts = new Map(clock.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  const day = WEEKDAYS[parts.get('weekday') ?? ''];
  if (day === undefined) throw new Error(`no weekday in ${timeZone}`);
  return { day, minute: (Number(parts.get('hour')) * 60 + Number(parts.get('minute'))) % DAY_MIN };
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
