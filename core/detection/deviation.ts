/**
 * A deviation rule compares how far a metric, or the magnitude of the vector of several, is from what it was with its limits:
 * see baseline.ts for the two measures and hysteresis.ts for the state machine.
 *
 *   readings of one time ──▶ without spikes ──▶ high-pass ──▶ magnitude ──▶ STA/LTA or z-score ──▶ hysteresis
 *
 * Several metrics make a sample when all of them have a reading of the same time. A reading that is not newer than the newest
 * sample changes nothing, nor does a second one of a metric and time.
 *
 * A burst begins when the measure leaves the clear limit. Its onset is when a seismic phase arrived, better than when the
 * limit was reached.
 */
import { largestAmplitude, measureDeviation, type Baseline } from './baseline.ts';
import { conditionInput, type InputState } from './input-conditioning.ts';
import { judgeMeasure, ownOf, type HysteresisState } from './hysteresis.ts';
import type { Burst, Evaluation, NumericReading } from './reading-evaluation.ts';
import type { DeviationRule } from './rule.ts';

export interface DeviationState extends HysteresisState {
  readonly kind: 'deviation';
  /** Readings of the newest time, while metrics are missing. */
  readonly gathered?: Gathered | undefined;
  /** By metric. */
  readonly inputs: Readonly<Record<string, InputState>>;
  readonly baseline?: Baseline | undefined;
  readonly burst?: (Burst & { readonly reported?: number | undefined }) | undefined;
}

interface Gathered {
  readonly timeUs: number;
  readonly values: Readonly<Record<string, number>>;
}

/** The name of the only thing that is measured. */
const MEASURE = 'deviation';
/** Its square and all that is made of it is finite: a device must not make states that cannot be written. */
const LARGEST_VALUE = 1e100;
const MEASURES = [MEASURE];
/** Of short windows, from an onset to when the limit is reached. */
const LONGEST_ONSET = 4;
/** What grows by this factor is told again. */
const TOLD_AGAIN_AT = 1.5;

export function evaluateDeviation(
  rule: DeviationRule,
  before: DeviationState,
  reading: NumericReading,
): Evaluation<DeviationState> {
  const gathered = gather(before, reading);
  if (gathered === undefined) return { state: before };
  if (!rule.scope.metrics.every((metric) => Object.hasOwn(gathered.values, metric))) {
    return { state: { ...before, gathered } };
  }
  return evaluateSample(rule, before, gathered, reading.device);
}

/** Undefined when the reading is no news. */
function gather(before: DeviationState, { metric, timeUs, value: given }: NumericReading): Gathered | undefined {
  const value = Math.max(-LARGEST_VALUE, Math.min(LARGEST_VALUE, given));
  if (timeUs <= (before.baseline?.atUs ?? -Infinity)) return undefined;
  const { gathered } = before;
  if (gathered === undefined || timeUs > gathered.timeUs) return { timeUs, values: { [metric]: value } };
  if (timeUs < gathered.timeUs || Object.hasOwn(gathered.values, metric)) return undefined;
  return { timeUs, values: { ...gathered.values, [metric]: value } };
}

function evaluateSample(
  rule: DeviationRule,
  before: DeviationState,
  { timeUs, values }: Gathered,
  device: string,
): Evaluation<DeviationState> {
  const { metrics } = rule.scope;
  const elapsedS = before.baseline === undefined ? 0 : (timeUs - before.baseline.atUs) / 1e6;
  // From one turning point to the other.
  const largestStep = 2 * largestAmplitude(rule, before.baseline);
  const conditioning = { largestStep, highpass_hz: rule.highpass_hz };
  const inputs: Record<string, InputState> = {};
  const outputs = metrics.map((metric) => {
    const { state, output } = conditionInput(conditioning, ownOf(before.inputs, metric), values[metric] ?? 0, elapsedS);
    inputs[metric] = state;
    return output;
  });
  const amplitude = outputs.length === 1 ? (outputs[0] ?? 0) : Math.hypot(...outputs);
  const { baseline, value } = measureDeviation(rule, before.baseline, amplitude, timeUs);
  const measure = { metric: MEASURE, timeUs, value };
  const judged = judgeMeasure(rule, before, measure, MEASURES);
  const burst = value === undefined ? undefined : nextBurst(rule, judged, before, timeUs, Math.abs(amplitude));
  const isTold = judged.raised !== before.raised;
  const isToldAgain = !isTold && judged.raised && rule.emits === 'trigger' && hasGrown(burst);
  const state: DeviationState = {
    kind: 'deviation',
    ...judged,
    inputs,
    baseline,
    burst: burst !== undefined && judged.raised && (isTold || isToldAgain) ? { ...burst, reported: burst.peak } : burst,
  };
  const told = burst ?? before.burst;
  return {
    state,
    measured: {
      measure,
      names: MEASURES,
      readings: () => metrics.map((metric) => ({ device, metric, timeUs, value: values[metric] ?? 0 })),
      told: value,
      burst: told && { onsetUs: told.onsetUs, peak: told.peak },
      isStronger: isToldAgain,
    },
  };
}

function nextBurst(
  rule: DeviationRule,
  judged: HysteresisState,
  { burst }: DeviationState,
  timeUs: number,
  amplitude: number,
): DeviationState['burst'] {
  const isQuiet = ownOf(judged.metrics, MEASURE)?.withinSinceUs !== undefined;
  if (isQuiet && !judged.raised) return undefined;
  if (burst === undefined) return { onsetUs: timeUs, peak: amplitude };
  const grown = amplitude > burst.peak ? { ...burst, peak: amplitude } : burst;
  if (judged.raised || rule.short_s === undefined) return grown;
  // It may hang between the limits for long before something else takes it beyond.
  const earliestUs = timeUs - LONGEST_ONSET * rule.short_s * 1e6;
  return grown.onsetUs >= earliestUs ? grown : { ...grown, onsetUs: Math.round(earliestUs) };
}

function hasGrown(burst: DeviationState['burst']): boolean {
  return burst?.reported !== undefined && burst.peak >= burst.reported * TOLD_AGAIN_AT;
}
