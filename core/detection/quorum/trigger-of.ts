import type { RuleTransition } from '../reading-evaluation.ts';
import type { Voice } from './heard.ts';
import type { Trigger, TriggerNews } from './trigger.ts';

/** What is taken back is no vote any more, as what is over. */
export function newsOf({ kind }: RuleTransition): TriggerNews['kind'] {
  return kind === 'cancelled' ? 'cleared' : kind;
}

/** The vote that a rule's transition is. */
export function triggerOf(
  id: string,
  rule: string,
  { device, site, owner, position, zones, status }: Voice & Pick<Trigger, 'zones' | 'status'>,
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
    status,
    metric: newest?.metric ?? '',
    onsetUs: burst?.onsetUs ?? atUs,
    peak: burst?.peak ?? Math.abs(evidence.measure ?? newest?.value ?? 0),
  };
}
