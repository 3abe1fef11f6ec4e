import type { Evidence, Severity } from '../alerts/alert.ts';
import type { Position } from '../geo/position.ts';
import type { Measure } from './hysteresis.ts';

/** A reading whose value can be compared. */
export interface NumericReading {
  readonly device: string;
  readonly metric: string;
  /** Unix microseconds, by the device's clock. */
  readonly timeUs: number;
  /** In the unit of the metric. */
  readonly value: number;
  /** Of a reported position alone, which is no metric of its own: see POSITION. */
  readonly position?: Position | undefined;
}

/** In place of the metric of what is a whole position. No metric has this name. */
export const POSITION = '@position';

/** What has changed about the alert of one rule and device. */
export interface RuleTransition {
  /** `updated`: it has become much stronger, is more or less severe, or goes on. */
  readonly kind: 'raised' | 'updated' | 'cleared' | 'cancelled';
  /** Time of the reading, or of what time alone has caused. */
  readonly atUs: number;
  readonly severity: Severity;
  readonly evidence: Evidence;
  /** When it began, and how strong it has been since, where the rule can tell that better than from the reading. */
  readonly burst?: Burst | undefined;
  /** Where the device was, where the rule looks at that. */
  readonly position?: Position | undefined;
}

export interface Burst {
  /** Unix microseconds, by the device's clock. */
  readonly onsetUs: number;
  /** Largest amplitude since, in the unit of the metrics. */
  readonly peak: number;
}

/** What a rule has compared with its limits. */
export interface Measured {
  readonly measure: Measure;
  /** All that the rule measures. */
  readonly names: readonly string[];
  /** Those that it was made of. */
  readonly readings: () => readonly NumericReading[];
  /** What was compared, where that is not the value of a reading. */
  readonly told?: number | undefined;
  readonly burst?: Burst | undefined;
  /** Those who listen to triggers should know how strong it has become. */
  readonly isStronger?: boolean | undefined;
}

/** What became of a rule's state, which is the same object when nothing changed. */
export interface Evaluation<State> {
  readonly state: State;
  /** Undefined when nothing was measured. */
  readonly measured?: Measured | undefined;
}
