import type { QuorumRule, ReadingRule, Rule } from './rule.ts';

export interface RuleTarget {
  readonly device: string;
  readonly zones: readonly string[];
}

/** The rules that apply to a reading, found by its metric: cost grows with those, not with all rules. */
export class RuleIndex {
  /** Also those that are not enabled. */
  readonly quorums: readonly QuorumRule[];
  readonly #triggerRules: ReadonlySet<string>;
  readonly #byMetric = new Map<string, ReadingRule[]>();

  constructor(rules: readonly Rule[]) {
    this.quorums = rules.filter((rule): rule is QuorumRule => rule.kind === 'quorum');
    this.#triggerRules = new Set(
      rules.filter((rule) => 'emits' in rule && rule.emits === 'trigger').map(({ id }) => id),
    );
    for (const rule of rules) {
      if (!rule.enabled || rule.kind === 'quorum') continue;
      for (const metric of rule.scope.metrics) {
        const known = this.#byMetric.get(metric);
        if (known === undefined) this.#byMetric.set(metric, [rule]);
        else known.push(rule);
      }
    }
  }

  /** Also of a rule that is not enabled. */
  emitsTriggers(id: string): boolean {
    return this.#triggerRules.has(id);
  }

  /** Of those that look at any of the metrics. */
  triggerRulesFor(metrics: Iterable<string>, target: RuleTarget): readonly ReadingRule[] {
    if (this.#triggerRules.size === 0) return [];
    const found = [...metrics].flatMap((metric) => this.rulesFor(metric, target));
    return [...new Set(found)].filter(({ emits }) => emits === 'trigger');
  }

  rulesFor(metric: string, target: RuleTarget): readonly ReadingRule[] {
    return this.#byMetric.get(metric)?.filter((rule) => isInScope(rule, target)) ?? [];
  }
}

function isInScope({ scope }: ReadingRule, target: RuleTarget): boolean {
  if (scope.devices !== undefined && !scope.devices.includes(target.device)) return false;
  return scope.zones === undefined || scope.zones.some((zone) => target.zones.includes(zone));
}
