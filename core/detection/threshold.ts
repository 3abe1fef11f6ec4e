/**
 * State machine of a threshold rule for one subject (a device), over the metrics that the rule names.
 *
 *                 a metric beyond the limit for duration_s
 *        quiet ─────────────────────────────────────────────▶ raised
 *          ▲                                                     │
 *          └─────────────────────────────────────────────────────┘
 *            every metric within the clear limit for clear_after_s
 *
 * Time is event time. A reading that is not newer than the newest of its metric changes nothing, so evaluating a reading
 * twice is the same as evaluating it once. Between clear limit and limit lies the hysteresis band: it keeps a raised
 * alert raised and starts nothing.
 */
import type { Evidence } from '../alerts/alert.ts';
import type { ThresholdRule } from './rule.ts';

export interface MetricState {
  readonly newestUs: number;
  /** Since when every reading was beyond the limit. */
  readonly beyondSinceUs?: number | undefined;
  /** Since when every reading was within the clear limit. */
  readonly withinSinceUs?: number | undefined;
}

export interface ThresholdState {
  readonly raised: boolean;
  readonly metrics: Readonly<Record<string, MetricState>>;
}

export interface NumericReading {
  readonly device: string;
  readonly metric: string;
  readonly timeUs: number;
  readonly value: number;
}

export interface ThresholdTransition {
  readonly kind: 'raised' | 'cleared';
  readonly atUs: number;
  readonly evidence: Evidence;
}

export interface Evaluation {
  readonly state: ThresholdState;
  readonly transition?: ThresholdTransition;
}

export const QUIET: ThresholdState = { raised: false, metrics: {} };

export function evaluateThreshold(rule: ThresholdRule, state: ThresholdState, reading: NumericReading): Evaluation {
  const before = state.metrics[reading.metric];
  if (before !== undefined && reading.timeUs <= before.newestUs) return { state };

  const metric = nextMetricState(rule, before, reading);
  const metrics = { ...state.metrics, [reading.metric]: metric };
  if (!state.raised && hasHeld(metric.beyondSinceUs, reading.timeUs, rule.duration_s)) {
    return { state: { raised: true, metrics }, transition: transitionOf('raised', rule, reading) };
  }
  if (
    state.raised &&
    Object.values(metrics).every((m) => hasHeld(m.withinSinceUs, reading.timeUs, rule.clear_after_s))
  ) {
    return { state: { raised: false, metrics }, transition: transitionOf('cleared', rule, reading) };
  }
  return { state: { raised: state.raised, metrics } };
}

function nextMetricState(rule: ThresholdRule, before: MetricState | undefined, reading: NumericReading): MetricState {
  const newestUs = reading.timeUs;
  switch (sideOf(rule, reading.value)) {
    case 'beyond':
      return { newestUs, beyondSinceUs: before?.beyondSinceUs ?? newestUs };
    case 'within':
      return { newestUs, withinSinceUs: before?.withinSinceUs ?? newestUs };
    case 'band':
      return { newestUs };
  }
}

function sideOf(rule: ThresholdRule, value: number): 'beyond' | 'band' | 'within' {
  switch (rule.when) {
    case 'above':
      return value > rule.limit ? 'beyond' : value <= rule.clear_limit ? 'within' : 'band';
    case 'below':
      return value < rule.limit ? 'beyond' : value >= rule.clear_limit ? 'within' : 'band';
    case 'beyond':
      return Math.abs(value) > rule.limit ? 'beyond' : Math.abs(value) <= rule.clear_limit ? 'within' : 'band';
  }
}

function hasHeld(sinceUs: number | undefined, nowUs: number, durationS: number): boolean {
  return sinceUs !== undefined && nowUs - sinceUs >= durationS * 1e6;
}

function transitionOf(
  kind: ThresholdTransition['kind'],
  rule: ThresholdRule,
  reading: NumericReading,
): ThresholdTransition {
  return {
    kind,
    atUs: reading.timeUs,
    evidence: {
      rule_version: rule.version,
      limit: kind === 'raised' ? rule.limit : rule.clear_limit,
      readings: [{ device: reading.device, metric: reading.metric, time_us: reading.timeUs, value: reading.value }],
    },
  };
}
