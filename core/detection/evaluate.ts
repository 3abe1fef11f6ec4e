import { evaluateDeviation, type DeviationState } from './deviation.ts';
import { evaluateRate, type RateState } from './rate.ts';
import type { Evaluation, NumericReading } from './reading-evaluation.ts';
import type { ReadingRule } from './rule.ts';
import { evaluateThreshold, type ThresholdState } from './threshold.ts';

/** What a rule remembers of one device. */
export type RuleState = ThresholdState | RateState | DeviationState;

/** All that is known is whether the alert is raised. */
interface BareState {
  readonly kind: 'bare';
  readonly raised: boolean;
}

export const bareState = (raised: boolean): BareState => ({ kind: 'bare', raised });

/**
 * What a reading changes; the same reading again changes nothing. What a rule of another kind remembers under the same id counts
 * for nothing but whether the alert is raised.
 */
export function evaluateRule(
  rule: ReadingRule,
  before: RuleState | BareState,
  reading: NumericReading,
): Evaluation<RuleState> {
  const { raised } = before;
  switch (rule.kind) {
    case 'threshold':
      return evaluateThreshold(
        rule,
        before.kind === 'threshold' ? before : { kind: 'threshold', raised, metrics: {} },
        reading,
      );
    case 'rate':
      return evaluateRate(
        rule,
        before.kind === 'rate' ? before : { kind: 'rate', raised, metrics: {}, samples: {} },
        reading,
      );
    case 'deviation':
      return evaluateDeviation(
        rule,
        before.kind === 'deviation' ? before : { kind: 'deviation', raised, metrics: {}, inputs: {} },
        reading,
      );
  }
}
