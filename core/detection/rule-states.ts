import { bareState, evaluateRule, type RuleState } from './evaluate.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { ReadingRule } from './rule.ts';
import type { RuleIndex, RuleTarget } from './rule-index.ts';

export interface CausedTransition {
  readonly rule: ReadingRule;
  readonly transition: RuleTransition;
  /** Of the reading that caused it. */
  readonly index: number;
}

export function inTimeOrder<T extends { readonly timeUs: number }>(readings: readonly T[]): readonly T[] {
  return [...readings].sort((a, b) => a.timeUs - b.timeUs);
}

/** The states of all rules and devices that somebody looks after, by `<rule>|<device>`. */
export class RuleStates {
  readonly #states: Map<string, RuleState>;
  readonly #isRaised: (key: string) => boolean;
  readonly #changed = new Set<string>();

  /** @param isRaised what is known of an alert that has no state */
  constructor(states: Iterable<readonly [string, RuleState]> = [], isRaised: (key: string) => boolean = () => false) {
    this.#states = new Map(states);
    this.#isRaised = isRaised;
  }

  /**
   * What the readings of one pack change.
   *
   * @param readings in the order of their times: the metrics of one time then come together, however the pack lists them
   */
  evaluate(target: RuleTarget, rules: RuleIndex, readings: readonly NumericReading[]): readonly CausedTransition[] {
    const applicable = new Map<string, readonly ReadingRule[]>();
    const caused: CausedTransition[] = [];
    for (const [index, reading] of readings.entries()) {
      let applying = applicable.get(reading.metric);
      if (applying === undefined) applicable.set(reading.metric, (applying = rules.rulesFor(reading.metric, target)));
      for (const rule of applying) {
        const key = `${rule.id}|${target.device}`;
        const before = this.#states.get(key) ?? bareState(this.#isRaised(key));
        const { state, transition } = evaluateRule(rule, before, reading);
        if (state !== before) {
          this.#states.set(key, state);
          this.#changed.add(key);
        }
        if (transition !== undefined) caused.push({ rule, transition, index });
      }
    }
    return caused;
  }

  /** Those that have changed since the last call. */
  takeChanged(): ReadonlyMap<string, RuleState> {
    const changed = new Map<string, RuleState>();
    for (const key of this.#changed) {
      const state = this.#states.get(key);
      if (state !== undefined) changed.set(key, state);
    }
    this.#changed.clear();
    return changed;
  }
}
