import type { ReadingRule, Rule } from './rule.ts';

export interface RuleTarget {
  readonly device: string;
  readonly zones: readonly string[];
}

/** The rules that apply to a reading, found by its metric: cost grows with those, not with all rules. */
export class RuleIndex {
  readonly #byMetric = new Map<string, ReadingRule[]>();

  constructor(rules: Iterable<Rule>) {
    for (const rule of rules) {
      if (!rule.enabled || rule.kind === 'quorum') continue;
      for (const metric of rule.scope.metrics) {
        const known = this.#byMetric.get(metric);
        if (known === undefined) this.#byMetric.set(metric, [rule]);
        else known.push(rule);
      }
    }
  }

  rulesFor(metric: string, target: RuleTarget): readonly ReadingRule[] {
    return this.#byMetric.get(metric)?.filter((rule) => isInScope(rule, target)) ?? [];
  }
}

function isInScope({ scope }: ReadingRule, target: RuleTarget): boolean {
  if (scope.devices !== undefined && !scope.devices.includes(target.device)) return false;
  return scope.zones === undefined || scope.zones.some((zone) => target.zones.includes(zone));
}
