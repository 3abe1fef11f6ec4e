import type { RuleTransition } from '../reading-evaluation.ts';
import type { Voice } from './heard.ts';
import type { Trigger } from './trigger.ts';

/** The vote that a rule's transition is. */
export function triggerOf(
  id: string,
  rule: string,
  { device, site, owner, position, zones }: Voice & { readonly zones: readonly string[] },
  { atUs, evidence, burst }: RuleTransition,
): Trigger {
  const newest = evidence.readings.at(-1);
  return {
    id,
    rule,
    device,
    site,
    owner,
    position,
    zones,
    metric: newest?.metric ?? '',
    onsetUs: burst?.onsetUs ?? atUs,
    peak: burst?.peak ?? Math.abs(evidence.measure ?? newest?.value ?? 0),
  };
}
