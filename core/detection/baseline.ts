/**
 * What a deviation rule compares with: moving averages that forget with a time constant, for samples that need not be evenly
 * spaced. Before a baseline is as old as its time constant it is an average of all that there was, and measures nothing; nor does
 * it before it has seen quiet, because what was going on when it began has no onset.
 */
import { sideOf } from './hysteresis.ts';
import type { DeviationRule } from './rule.ts';

export interface Baseline {
  readonly measure: DeviationRule['measure'];
  /** Of the first sample, Unix microseconds. */
  readonly sinceUs: number;
  /** Of the newest. */
  readonly atUs: number;
  /** It is as old as its time constant, and the measure has been within the clear limit since. */
  readonly settled?: boolean | undefined;
  /** `sta_lta`: mean energy of the short window. `z_score`: moving mean. */
  readonly level: number;
  /** `sta_lta`: mean energy of the long window. `z_score`: moving variance. */
  readonly spread: number;
}

export interface Measured {
  readonly baseline: Baseline;
  /** Undefined while the baseline is not settled. */
  readonly value: number | undefined;
}

/** One sample counts for no more of its window, so that the first one after a gap is not all of it. */
const LARGEST_SHARE = 1 / 8;

/** @param amplitude of the sample: its magnitude, or for `z_score` of one metric its value */
export function measureDeviation(
  rule: DeviationRule,
  before: Baseline | undefined,
  amplitude: number,
  timeUs: number,
): Measured {
  const isNew = before === undefined || before.measure !== rule.measure || timeUs - before.atUs > rule.long_s * 1e6;
  const known = isNew ? startBaseline(rule, amplitude, timeUs) : before;
  const next =
    rule.measure === 'sta_lta'
      ? nextEnergies(rule, known, amplitude, timeUs)
      : nextMoments(rule, known, amplitude, timeUs);
  const isOld = timeUs - known.sinceUs >= rule.long_s * 1e6;
  const settled = known.settled === true || (isOld && sideOf(rule, next.value) === 'within');
  return settled
    ? { baseline: { ...next.baseline, settled }, value: finite(next.value) }
    : { baseline: next.baseline, value: undefined };
}

function startBaseline({ measure }: DeviationRule, amplitude: number, timeUs: number): Baseline {
  const energy = amplitude ** 2;
  return measure === 'sta_lta'
    ? { measure, sinceUs: timeUs, atUs: timeUs, level: energy, spread: energy }
    : { measure, sinceUs: timeUs, atUs: timeUs, level: amplitude, spread: 0 };
}

/**
 * As much of each sample as it takes `spike_s` of such samples to reach the limit: an amplitude. Infinite where spikes are not
 * guarded against.
 */
export function largestAmplitude(rule: DeviationRule, baseline: Baseline | undefined): number {
  const { spike_s: spikeS, short_s: shortS } = rule;
  if (baseline === undefined || shortS === undefined || spikeS === 0) return Infinity;
  return Math.sqrt(noiseOf(rule, baseline) * rule.limit * (shortS / spikeS));
}

/** Mean energy of what is not the signal. */
function noiseOf({ noise_floor: floor }: DeviationRule, { spread }: Baseline): number {
  return Math.max(spread, floor ** 2);
}

/** STA/LTA, Allen (1978), with recursive averages. */
function nextEnergies(rule: DeviationRule, before: Baseline, amplitude: number, timeUs: number) {
  const shortS = rule.short_s ?? rule.long_s;
  const noise = noiseOf(rule, before);
  const energy = Math.min(Math.min(Math.abs(amplitude), largestAmplitude(rule, before)) ** 2, Number.MAX_VALUE);
  const level = before.level + shareOf(shortS, before, timeUs) * (energy - before.level);
  const spread = before.spread + longShareOf(rule.long_s, before, timeUs) * (energy - before.spread);
  return { baseline: { ...before, atUs: timeUs, level, spread }, value: level / noise };
}

/** Against the mean and the variance of what was before the sample. */
function nextMoments(rule: DeviationRule, before: Baseline, amplitude: number, timeUs: number) {
  const difference = finite(amplitude - before.level);
  const share = longShareOf(rule.long_s, before, timeUs);
  const level = before.level + share * difference;
  const spread = finite((1 - share) * (before.spread + share * difference ** 2));
  const value = difference / Math.max(Math.sqrt(before.spread), rule.noise_floor);
  return { baseline: { ...before, atUs: timeUs, level, spread }, value };
}

function shareOf(windowS: number, { atUs }: Baseline, timeUs: number): number {
  return Math.min(LARGEST_SHARE, 1 - Math.exp(-(timeUs - atUs) / 1e6 / windowS));
}

/** While the baseline is young, each sample counts as much as those before it. */
function longShareOf(windowS: number, before: Baseline, timeUs: number): number {
  const { sinceUs, atUs } = before;
  return Math.max(shareOf(windowS, before, timeUs), Math.min(1 / 2, (timeUs - atUs) / (timeUs - sinceUs + 1)));
}

/** Can be written as JSON. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}
