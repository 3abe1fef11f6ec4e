import { TimerWheel } from '../time/timer-wheel.ts';
import { dueUs, evaluateRule, evaluateTime, initialState, type RuleState } from './evaluate.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { DeviceRule } from './rule.ts';
import type { RuleIndex, RuleTarget } from './rule-index.ts';

export interface CausedTransition {
  readonly rule: DeviceRule;
  readonly transition: RuleTransition;
  /** Of the reading that caused it. */
  readonly index: number;
  /** Among those of one reading, rule and device. */
  readonly part: number;
}

/** What time alone has caused. */
export interface TimedTransition {
  readonly rule: DeviceRule;
  readonly device: string;
  readonly transition: RuleTransition;
  /** Unix microseconds by the clock of the platform. */
  readonly dueUs: number;
  /** Among those of one time, rule and device. */
  readonly part: number;
}

/**
 * Time stands this far behind the newest pack: one that came to another process earlier may be read after it, and its device is not
 * silent.
 */
export const ARRIVAL_GRACE_US = 1_000_000;

export function inTimeOrder<T extends { readonly timeUs: number }>(readings: readonly T[]): readonly T[] {
  return [...readings].sort((a, b) => a.timeUs - b.timeUs);
}

/** The states of all rules and devices that somebody looks after, by `<rule>|<device>`. */
export class RuleStates {
  readonly #states: Map<string, RuleState>;
  readonly #isRaised: (key: string) => boolean;
  readonly #changed = new Set<string>();
  readonly #timers = new TimerWheel();
  /** By which the timers are set. */
  #rules: RuleIndex | undefined;

  /** @param isRaised what is known of an alert that has no state */
  constructor(states: Iterable<readonly [string, RuleState]> = [], isRaised: (key: string) => boolean = () => false) {
    this.#states = new Map(states);
    this.#isRaised = isRaised;
  }

  /**
   * What the readings of one pack change.
   *
   * @param readings in the order of their times: the metrics of one time then come together, however the pack lists them
   * @param arrivedUs when the pack came, Unix microseconds by the clock of the platform
   */
  evaluate(
    target: RuleTarget,
    rules: RuleIndex,
    readings: readonly NumericReading[],
    arrivedUs: number,
  ): readonly CausedTransition[] {
    const surroundings = { arrivedUs, areaOf: (zone: string) => rules.areaOf(zone) };
    const applicable = new Map<string, readonly DeviceRule[]>();
    const caused: CausedTransition[] = [];
    for (const [index, reading] of readings.entries()) {
      let applying = applicable.get(reading.metric);
      if (applying === undefined) applicable.set(reading.metric, (applying = rules.rulesFor(reading.metric, target)));
      for (const rule of applying) {
        const key = `${rule.id}|${target.device}`;
        const before = this.#states.get(key) ?? initialState(rule, this.#isRaised(key));
        const { state, transitions } = evaluateRule(rule, before, reading, surroundings);
        if (state !== before) this.#keep(key, rule, state);
        for (const [part, transition] of transitions.entries()) caused.push({ rule, transition, index, part });
      }
    }
    return caused;
  }

  /**
   * What time alone changes, in its order.
   *
   * @param nowUs up to which all that has come is evaluated
   */
  advance(rules: RuleIndex, nowUs: number): readonly TimedTransition[] {
    const withdrawn = rules === this.#rules ? [] : this.#follow(rules, nowUs);
    const passed = this.#timers.advance(nowUs).flatMap((key) => this.#passTime(rules, key, nowUs));
    return [...withdrawn, ...passed];
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

  #keep(key: string, rule: DeviceRule, state: RuleState): void {
    this.#states.set(key, state);
    this.#changed.add(key);
    const due = dueUs(rule, state);
    // A timer that is too early finds out by itself, which costs less than to set it with each reading.
    if (due === undefined) this.#timers.delete(key);
    else if (!this.#timers.isSetBefore(key, due)) this.#timers.set(key, due);
  }

  #passTime(rules: RuleIndex, key: string, nowUs: number): readonly TimedTransition[] {
    const { id, device } = namesOf(key);
    const before = this.#states.get(key);
    const rule = rules.find(id);
    const due = before === undefined || rule?.enabled !== true ? undefined : dueUs(rule, before);
    if (before === undefined || rule === undefined || due === undefined) return [];
    if (due >= nowUs) {
      this.#timers.set(key, due);
      return [];
    }
    const { state, transitions } = evaluateTime(rule, before, device, due, nowUs, (zone) => rules.areaOf(zone));
    this.#keep(key, rule, state);
    return transitions.map((transition, part) => {
      const sinceUs = rule.kind === 'absence' ? transition.atUs : due;
      return { rule, device, transition, dueUs: sinceUs, part };
    });
  }

  /** Other rules: timers are set anew, and what a rule has raised that is switched off is taken back. */
  #follow(rules: RuleIndex, nowUs: number): readonly TimedTransition[] {
    this.#rules = rules;
    const withdrawn: TimedTransition[] = [];
    for (const [key, state] of this.#states) {
      const { id, device } = namesOf(key);
      const rule = rules.find(id);
      if (rule?.enabled === true) {
        const due = dueUs(rule, state);
        if (due === undefined) this.#timers.delete(key);
        else this.#timers.set(key, due);
        continue;
      }
      this.#timers.delete(key);
      if (rule === undefined || !state.raised) continue;
      this.#states.set(key, { ...state, raised: false, held: undefined, levels: undefined });
      this.#changed.add(key);
      if (state.held === true) continue;
      const evidence = { rule_version: rule.version, readings: [] };
      const transition = { kind: 'cancelled', atUs: nowUs, severity: rule.severity, evidence } as const;
      withdrawn.push({ rule, device, transition, dueUs: nowUs, part: 0 });
    }
    return withdrawn;
  }
}

/** Ids of rules have no such sign. */
function namesOf(key: string): { readonly id: string; readonly device: string } {
  const at = key.indexOf('|');
  return { id: key.slice(0, at), device: key.slice(at + 1) };
}
