import type { Evidence } from '../alerts/alert.ts';

/** A reading whose value can be compared. */
export interface NumericReading {
  readonly device: string;
  readonly metric: string;
  /** Unix microseconds, by the device's clock. */
  readonly timeUs: number;
  /** In the unit of the metric. */
  readonly value: number;
}

/** What a reading has changed about the alert of one rule and device. */
export interface RuleTransition {
  /** `updated`: it has become much stronger, of rules that emit triggers. */
  readonly kind: 'raised' | 'updated' | 'cleared';
  /** Time of the reading. */
  readonly atUs: number;
  readonly evidence: Evidence;
  /** When it began, and how strong it has been since, where the rule can tell that better than from the reading. */
  readonly burst?: Burst | undefined;
}

export interface Burst {
  /** Unix microseconds, by the device's clock. */
  readonly onsetUs: number;
  /** Largest amplitude since, in the unit of the metrics. */
  readonly peak: number;
}

/** What became of a rule's state, which is the same object when nothing changed. */
export interface Evaluation<State> {
  readonly state: State;
  readonly transition?: RuleTransition | undefined;
}

/**
 * @param readings that convinced the rule
 * @param measure what was compared with the limit, where that is not the value of a reading
 */
export function transitionOf(
  rule: { readonly version: number; readonly limit: number; readonly clear_limit: number },
  raised: boolean,
  readings: readonly NumericReading[],
  atUs: number,
  measure?: number,
): RuleTransition {
  return {
    kind: raised ? 'raised' : 'cleared',
    atUs,
    evidence: {
      rule_version: rule.version,
      limit: raised ? rule.limit : rule.clear_limit,
      ...(measure !== undefined && { measure }),
      readings: readings.map(({ device, metric, timeUs, value }) => ({ device, metric, time_us: timeUs, value })),
    },
  };
}
