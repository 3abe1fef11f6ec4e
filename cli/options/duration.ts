import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';

const UNIT_MS = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `90s`, `30m`, `1h`, `7d`; `0s` is none. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^([0-9]{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS.get(unit);
  if (unitMs === undefined) throw new UsageFailure(`${text} is not a duration such as 90s, 30m, 1h or 7d`);
  return Number(count) * unitMs;
}
