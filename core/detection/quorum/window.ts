import type { QuorumRule } from '../rule.ts';

/** A trigger comes at most so long after its onset, in seconds: readings that are later are not live. */
const ON_ITS_WAY_S = 60;

/** The longest that the votes of one event can lie apart, and that a trigger can be on its way. */
export function longestWindowS(rule: QuorumRule): number {
  return windowS(rule, 2 * rule.within_m) + ON_ITS_WAY_S;
}

/** The longest that two votes can lie apart. */
export function windowS(
  { window_s: baseS, clock_uncertainty_s: clockS, wave }: Pick<QuorumRule, 'window_s' | 'clock_uncertainty_s' | 'wave'>,
  apartM: number,
): number {
  return baseS + clockS + (wave === undefined ? 0 : apartM / wave.slow_m_s);
}
