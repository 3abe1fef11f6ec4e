/**
 * Readings that wait for earlier ones. The watermark is `lateness_s` behind the newest reading; what it passes is evaluated in the
 * order of times, so that any order of arrival within it makes no difference. What comes behind it is too late.
 *
 *        evaluated           │    waiting       newest
 *      ──────────────────────┼──────────────────────▶ time of readings
 *                            watermark ◀ lateness_s ▶
 */
import type { NumericReading } from './reading-evaluation.ts';

type WaitingReading = Omit<NumericReading, 'device'>;

/** What is remembered of readings that wait. */
export interface Waiting {
  /** In order. */
  readonly waiting?: readonly WaitingReading[] | undefined;
  /** All up to this time have been evaluated. */
  readonly watermarkUs?: number | undefined;
  /** When the newest of those that wait came, Unix microseconds by the clock of the platform. */
  readonly arrivedUs?: number | undefined;
}

/** More than that of one rule and device do not wait: they are kept with its state. */
const MOST_WAITING = 1000;

export interface Released {
  /** In order, to be evaluated now. */
  readonly readings: readonly NumericReading[];
  /** Undefined when the reading is too late, or no news. */
  readonly left: Waiting | undefined;
}

/** @param latenessUs 0 when nothing is to wait any more */
export function takeIn(before: Waiting, reading: NumericReading, latenessUs: number, arrivedUs: number): Released {
  const { waiting = [], watermarkUs = -Infinity } = before;
  if (reading.timeUs <= watermarkUs) return { readings: [], left: undefined };
  const place = firstFrom(waiting, (known) => inOrder(known, reading) >= 0);
  const there = waiting[place];
  if (there !== undefined && inOrder(there, reading) === 0) return { readings: [], left: undefined };
  const all = waiting.toSpliced(place, 0, withoutDevice(reading));
  const newestUs = all.at(-1)?.timeUs ?? -Infinity;
  const overfullUs = all[all.length - MOST_WAITING - 1]?.timeUs ?? -Infinity;
  const passedUs = Math.max(watermarkUs, newestUs - latenessUs, overfullUs);
  const kept = firstFrom(all, ({ timeUs }) => timeUs > passedUs);
  return {
    readings: all.slice(0, kept).map((each) => ({ device: reading.device, ...each })),
    left: {
      waiting: kept === all.length ? undefined : all.slice(kept),
      watermarkUs: passedUs,
      arrivedUs: Math.max(arrivedUs, before.arrivedUs ?? -Infinity),
    },
  };
}

/** Nothing has come for so long that nothing earlier will. */
export function letGo(before: Waiting, device: string): Released {
  const { waiting = [] } = before;
  const last = waiting.at(-1);
  return {
    readings: waiting.map((each) => ({ device, ...each })),
    left: last === undefined ? undefined : { watermarkUs: last.timeUs },
  };
}

/** When what waits is let go, Unix microseconds. */
export function lettingGoUs({ waiting, arrivedUs }: Waiting, latenessUs: number): number | undefined {
  return waiting === undefined || arrivedUs === undefined ? undefined : arrivedUs + Math.round(latenessUs);
}

/** Where the items begin of which something is true, as it is of all that follow one. */
function firstFrom<T>(items: readonly T[], isTrue: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item === undefined || isTrue(item)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function withoutDevice({ metric, timeUs, value, position }: NumericReading): WaitingReading {
  return { metric, timeUs, value, ...(position !== undefined && { position }) };
}

/** Of two readings of a metric and time the same one counts, whichever came first. */
function inOrder(a: WaitingReading, b: WaitingReading): number {
  return a.timeUs - b.timeUs || (a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : a.value - b.value);
}
