/**
 * State machine of what rises beyond a limit and comes back, for one rule and subject, over what the rule measures: each of
 * its metrics, or what it makes of them together.
 *
 *                 a metric beyond the limit for duration_s
 *        quiet ─────────────────────────────────────────────▶ raised
 *          ▲                                                     │
 *          └─────────────────────────────────────────────────────┘
 *            the metric, and every one that was beyond the limit since, within the clear limit for clear_after_s
 *
 * Time is event time. Between clear limit and limit lies the hysteresis band: it keeps a raised alert raised and starts
 * nothing. A measure that is not known is as one in the band: nothing has held through it.
 */
export interface Limits {
  readonly when: 'above' | 'below' | 'beyond';
  readonly limit: number;
  readonly clear_limit: number;
  readonly duration_s: number;
  readonly clear_after_s: number;
}

export interface MetricState {
  readonly newestUs: number;
  /** Since when every measure was beyond the limit. */
  readonly beyondSinceUs?: number | undefined;
  /** Since when every measure was within the clear limit. */
  readonly withinSinceUs?: number | undefined;
  /** Came back from beyond the limit while the alert was raised. */
  readonly alarmed?: boolean | undefined;
}

export interface HysteresisState {
  readonly raised: boolean;
  readonly metrics: Readonly<Record<string, MetricState>>;
}

/** What is compared with the limits. */
export interface Measure {
  readonly metric: string;
  readonly timeUs: number;
  /** Undefined when it cannot be told. */
  readonly value: number | undefined;
}

/** Whether a metric has no newer reading: evaluating a reading twice is the same as evaluating it once. */
export function isNews(state: HysteresisState, { metric, timeUs }: Pick<Measure, 'metric' | 'timeUs'>): boolean {
  const before = ownOf(state.metrics, metric);
  return before === undefined || timeUs > before.newestUs;
}

/** A metric may be named as what every object has, such as `constructor`. */
export function ownOf<T>(byMetric: Readonly<Record<string, T>>, metric: string): T | undefined {
  return Object.hasOwn(byMetric, metric) ? byMetric[metric] : undefined;
}

/**
 * @param measure newer than the newest of its metric
 * @param names of all that the rule measures: others that are in the state keep nothing raised
 */
export function judgeMeasure(
  limits: Limits,
  state: HysteresisState,
  measure: Measure,
  names: readonly string[],
): HysteresisState {
  const { metric, timeUs } = measure;
  const judged = nextMetricState(limits, state, measure);
  const metrics = { ...state.metrics, [metric]: judged };
  if (!state.raised) return { raised: hasHeld(judged.beyondSinceUs, timeUs, limits.duration_s), metrics };
  const isQuiet = (since: MetricState): boolean => hasHeld(since.withinSinceUs, timeUs, limits.clear_after_s);
  const isOver =
    isQuiet(judged) &&
    names.every((name) => {
      const other = ownOf(metrics, name);
      return other === undefined || !hasAlarmed(other) || isQuiet(other);
    });
  return isOver ? { raised: false, metrics: withoutAlarms(metrics) } : { raised: true, metrics };
}

/** The next alert is another one. */
function withoutAlarms(metrics: HysteresisState['metrics']): HysteresisState['metrics'] {
  return Object.fromEntries(Object.entries(metrics).map(([name, state]) => [name, { ...state, alarmed: undefined }]));
}

const hasAlarmed = ({ alarmed, beyondSinceUs }: MetricState): boolean =>
  alarmed === true || beyondSinceUs !== undefined;

function nextMetricState(limits: Limits, { raised, metrics }: HysteresisState, measure: Measure): MetricState {
  const { metric, timeUs, value } = measure;
  const before = ownOf(metrics, metric);
  const alarmed = (raised && before !== undefined && hasAlarmed(before)) || undefined;
  switch (value === undefined ? 'band' : sideOf(limits, value)) {
    case 'beyond':
      return { newestUs: timeUs, alarmed, beyondSinceUs: before?.beyondSinceUs ?? timeUs };
    case 'within':
      return { newestUs: timeUs, alarmed, withinSinceUs: before?.withinSinceUs ?? timeUs };
    case 'band':
      return { newestUs: timeUs, alarmed };
  }
}

export function sideOf(
  { when, limit, clear_limit: clearLimit }: Pick<Limits, 'when' | 'limit' | 'clear_limit'>,
  value: number,
): 'beyond' | 'band' | 'within' {
  switch (when) {
    case 'above':
      return value > limit ? 'beyond' : value <= clearLimit ? 'within' : 'band';
    case 'below':
      return value < limit ? 'beyond' : value >= clearLimit ? 'within' : 'band';
    case 'beyond':
      return Math.abs(value) > limit ? 'beyond' : Math.abs(value) <= clearLimit ? 'within' : 'band';
  }
}

function hasHeld(sinceUs: number | undefined, nowUs: number, durationS: number): boolean {
  return sinceUs !== undefined && nowUs - sinceUs >= durationS * 1e6;
}
