/**
 * A rate rule compares how much a metric changes in a second with its limits: see hysteresis.ts for the state machine.
 *
 * The change is that from an earlier reading, the reference, to the one evaluated. The reference is the newest of those kept
 * that is at least `over_s` older. While there is none, as in the first `over_s`, and when it is more than twice as old, as
 * after a gap, the rate is not known; such a reading raises nothing and clears nothing.
 *
 *       kept:      ▮  ·  ▮  ·  ▮  ·  ▮  ·  ▮       one in every eighth of over_s
 *                  └─ reference             └─ evaluated
 *                  ◀──── over_s … 2 over_s ────▶
 *
 * A reading that is not newer than the newest of its metric changes nothing.
 */
import { isNews, judgeMeasure, ownOf, type HysteresisState } from './hysteresis.ts';
import type { Evaluation, NumericReading } from './reading-evaluation.ts';
import type { RateRule } from './rule.ts';

/** Unix microseconds, and the value then. */
export type RateSample = readonly [timeUs: number, value: number];

export interface RateState extends HysteresisState {
  readonly kind: 'rate';
  /** By metric, oldest first: at most ten, more only until those of a shorter `over_s` have grown old. */
  readonly samples: Readonly<Record<string, readonly RateSample[]>>;
}

/** They are written with every checkpoint. */
const SAMPLES_PER_STRETCH = 8;
/** A reference that is older says little about now. */
const OLDEST_REFERENCE = 2;

export function evaluateRate(rule: RateRule, before: RateState, reading: NumericReading): Evaluation<RateState> {
  if (!isNews(before, reading)) return { state: before };
  const { metric, timeUs, value } = reading;
  const overUs = Math.round(rule.over_s * 1e6);
  const needed = neededSamples(ownOf(before.samples, metric) ?? [], timeUs, overUs);
  const reference = referenceOf(needed, timeUs, overUs);
  const rate = reference === undefined ? undefined : ratePerS(reference, [timeUs, value]);
  const measure = { metric, timeUs, value: rate };
  const { metrics: names } = rule.scope;
  const state: RateState = {
    kind: 'rate',
    ...judgeMeasure(rule, before, measure, names),
    samples: { ...before.samples, [metric]: withReading(needed, [timeUs, value], overUs) },
  };
  const compared = (): readonly NumericReading[] => {
    const [fromUs, from] = reference ?? [timeUs, value];
    return [{ ...reading, timeUs: fromUs, value: from }, reading];
  };
  return { state, measured: { measure, names, readings: compared, told: rate } };
}

/** Time goes on: what is older than the reference of now is no reference any more. */
function neededSamples(samples: readonly RateSample[], nowUs: number, overUs: number): readonly RateSample[] {
  const first = samples.findLastIndex(([timeUs]) => nowUs - timeUs >= overUs);
  return first <= 0 ? samples : samples.slice(first);
}

function referenceOf([oldest]: readonly RateSample[], nowUs: number, overUs: number): RateSample | undefined {
  if (oldest === undefined) return undefined;
  const ageUs = nowUs - oldest[0];
  return ageUs >= overUs && ageUs <= OLDEST_REFERENCE * overUs ? oldest : undefined;
}

function withReading(samples: readonly RateSample[], reading: RateSample, overUs: number): readonly RateSample[] {
  const newest = samples.at(-1);
  return newest !== undefined && reading[0] - newest[0] < overUs / SAMPLES_PER_STRETCH
    ? samples
    : [...samples, reading];
}

/** Finite, so that it can be written as JSON. */
function ratePerS([fromUs, from]: RateSample, [toUs, to]: RateSample): number {
  const rate = (to - from) / ((toUs - fromUs) / 1e6);
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, rate));
}
