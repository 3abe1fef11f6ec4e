/**
 * A threshold rule compares the value of each reading with its limits: see hysteresis.ts for the state machine. A reading
 * that is not newer than the newest of its metric changes nothing.
 */
import { isNews, judgeMeasure, type HysteresisState } from './hysteresis.ts';
import type { Evaluation, NumericReading } from './reading-evaluation.ts';
import type { ThresholdRule } from './rule.ts';

export interface ThresholdState extends HysteresisState {
  readonly kind: 'threshold';
}

export function evaluateThreshold(
  rule: ThresholdRule,
  before: ThresholdState,
  reading: NumericReading,
): Evaluation<ThresholdState> {
  if (!isNews(before, reading)) return { state: before };
  const state: ThresholdState = { kind: 'threshold', ...judgeMeasure(rule, before, reading, rule.scope.metrics) };
  return { state, measured: { measure: reading, names: rule.scope.metrics, readings: () => [reading] } };
}
