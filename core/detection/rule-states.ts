import { TimerWheel } from '../time/timer-wheel.ts';
import { dueUs, evaluateRule, evaluateTime, initialState, type RuleState } from './evaluate.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { DeviceRule } from './rule.ts';
import { isInScope, type RuleIndex, type RuleTarget } from './rule-index.ts';

export interface CausedTransition {
  readonly rule: DeviceRule;
  readonly transition: RuleTransition;
  /** Of the reading that caused it. */
  readonly index: number;
  /** Among those of one reading, rule and device. */
  readonly place: number;
}

/** What time alone has caused, or another rule, place or tag of the device. */
export interface TimedTransition {
  readonly rule: DeviceRule;
  readonly device: string;
  readonly transition: RuleTransition;
  readonly place: number;
  /** When it was due, Unix microseconds by the clock of the platform: the same whoever finds it and when. */
  readonly dueUs: number;
}

/** A state that time may change. */
export interface DueState {
  readonly rule: DeviceRule;
  readonly device: string;
}

/** A reading as it was when it came. */
export interface ArrivedReading extends NumericReading {
  /** It has become late since: it changes nothing live, but its device was heard. */
  readonly isLateNow?: boolean | undefined;
}

/**
 * Time stands this far behind the newest pack, because ingest may need a moment from taking a pack to the log.
 */
export const ARRIVAL_GRACE_US = 1_000_000;

export function inTimeOrder<T extends { readonly timeUs: number }>(readings: readonly T[]): readonly T[] {
  return [...readings].sort((a, b) => a.timeUs - b.timeUs);
}

/** The states of all rules and devices that somebody looks after, by `<rule>|<device>`. */
export class RuleStates {
  readonly #states: Map<string, RuleState>;
  /** Active alerts without a state. */
  readonly #bare: Set<string>;
  /** Keys of what is raised, by device. */
  readonly #raised = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();
  readonly #timers = new TimerWheel();
  /** By which the timers are set. */
  #rules: RuleIndex | undefined;

  /** @param active all that is known of an alert that has no state is that it is active */
  constructor(states: Iterable<readonly [string, RuleState]> = [], active: Iterable<string> = []) {
    this.#states = new Map(states);
    this.#bare = new Set([...active].filter((key) => !this.#states.has(key)));
    for (const [key, { raised }] of this.#states) if (raised) this.#noteRaised(key, true);
    for (const key of this.#bare) this.#noteRaised(key, true);
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
    readings: readonly ArrivedReading[],
    arrivedUs: number,
  ): readonly CausedTransition[] {
    const surroundings = { arrivedUs, areaOf: (zone: string) => rules.areaOf(zone) };
    const applicable = new Map<string, readonly DeviceRule[]>();
    const caused: CausedTransition[] = [];
    for (const [index, reading] of readings.entries()) {
      let applying = applicable.get(reading.metric);
      if (applying === undefined) applicable.set(reading.metric, (applying = rules.rulesFor(reading.metric, target)));
      for (const rule of applying) {
        if (reading.isLateNow === true && !countsByArrival(rule)) continue;
        const key = `${rule.id}|${target.device}`;
        const before = this.#stateOf(key, rule);
        const { state, transitions } = evaluateRule(rule, before, reading, surroundings);
        if (state !== before) this.#keep(key, rule, state);
        for (const { transition, place } of transitions) caused.push({ rule, transition, index, place });
      }
    }
    return caused;
  }

  /** Whether time or these rules can change anything. */
  mayChange(rules: RuleIndex): boolean {
    return rules !== this.#rules || this.#timers.size > 0;
  }

  /**
   * The states that time may change, in its order: for each of them `passTime` is to be called.
   *
   * @param nowUs up to which all that has come is evaluated
   */
  due(rules: RuleIndex, nowUs: number): readonly DueState[] {
    return this.#timers.advance(nowUs).flatMap((key) => {
      const { id, device } = namesOf(key);
      const rule = rules.find(id);
      return rule?.enabled === true ? [{ rule, device }] : [];
    });
  }

  /** @param target undefined when nobody knows the device any more */
  passTime({ rule, device }: DueState, target: RuleTarget | undefined, rules: RuleIndex, nowUs: number) {
    const key = `${rule.id}|${device}`;
    const before = this.#states.get(key);
    const due = before === undefined ? undefined : dueUs(rule, before);
    if (before === undefined || due === undefined) return [];
    if (target === undefined || !isInScope(rule, target)) return this.#withdraw(key, rule, nowUs);
    if (due >= nowUs) {
      this.#timers.set(key, due);
      return [];
    }
    const { state, transitions } = evaluateTime(rule, before, device, due, nowUs, (zone) => rules.areaOf(zone));
    this.#keep(key, rule, state);
    return transitions.map((placed): TimedTransition => {
      // What is repeated is due again and again.
      return { rule, device, ...placed, dueUs: rule.kind === 'absence' ? placed.transition.atUs : due };
    });
  }

  /** Other rules: timers are set anew, and what a rule has raised that is switched off is taken back. */
  follow(rules: RuleIndex, nowUs: number): readonly TimedTransition[] {
    if (rules === this.#rules) return [];
    this.#rules = rules;
    const withdrawn: TimedTransition[] = [];
    for (const key of [...this.#states.keys(), ...this.#bare]) {
      const rule = rules.find(namesOf(key).id);
      const state = this.#states.get(key);
      if (rule?.enabled === true) {
        if (state !== undefined) this.#setTimer(key, rule, state);
      } else if (rule === undefined) this.#timers.delete(key);
      else withdrawn.push(...this.#withdraw(key, rule, nowUs));
    }
    return withdrawn;
  }

  /** What is raised about a device by rules that are not for it any more, because it has moved or has another tag, is taken back. */
  leave(target: RuleTarget, rules: RuleIndex, nowUs: number): readonly TimedTransition[] {
    const raised = this.#raised.get(target.device);
    if (raised === undefined) return [];
    return [...raised].flatMap((key) => {
      const rule = rules.find(namesOf(key).id);
      return rule === undefined || isInScope(rule, target) ? [] : this.#withdraw(key, rule, nowUs);
    });
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

  #stateOf(key: string, rule: DeviceRule): RuleState {
    return this.#states.get(key) ?? initialState(rule, this.#bare.has(key));
  }

  #keep(key: string, rule: DeviceRule, state: RuleState): void {
    const before = this.#states.get(key);
    if (before === undefined) this.#bare.delete(key);
    if (before?.raised !== state.raised) this.#noteRaised(key, state.raised);
    this.#states.set(key, state);
    this.#changed.add(key);
    const due = dueUs(rule, state);
    // A timer that is too early finds out by itself, which costs less than to set it with each reading.
    if (due === undefined) this.#timers.delete(key);
    else if (!this.#timers.isSetBefore(key, due)) this.#timers.set(key, due);
  }

  #setTimer(key: string, rule: DeviceRule, state: RuleState): void {
    const due = dueUs(rule, state);
    if (due === undefined) this.#timers.delete(key);
    else this.#timers.set(key, due);
  }

  /** The rule is not for the device: it knows nothing of it any more. */
  #withdraw(key: string, rule: DeviceRule, nowUs: number): readonly TimedTransition[] {
    const before = this.#stateOf(key, rule);
    this.#timers.delete(key);
    const isKnown = this.#states.has(key) || this.#bare.has(key);
    if (!isKnown) return [];
    const forgotten = initialState(rule, false);
    if (!isSame(before, forgotten)) this.#keep(key, rule, forgotten);
    if (!before.raised || before.held === true) return [];
    const evidence = { rule_version: rule.version, readings: [] };
    const transition = { kind: 'cancelled', atUs: nowUs, severity: rule.severity, evidence } as const;
    return [{ rule, device: namesOf(key).device, transition, place: 0, dueUs: nowUs }];
  }

  #noteRaised(key: string, isRaised: boolean): void {
    const { device } = namesOf(key);
    const known = this.#raised.get(device);
    if (isRaised) {
      if (known === undefined) this.#raised.set(device, new Set([key]));
      else known.add(key);
    } else if (known?.delete(key) === true && known.size === 0) this.#raised.delete(device);
  }
}

/** Of these rules the order in which readings came decides, so that it must be the same when they are evaluated again later. */
function countsByArrival(rule: DeviceRule): boolean {
  return rule.kind === 'absence' || rule.lateness_s > 0;
}

function isSame(a: RuleState, b: RuleState): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Ids of rules have no such sign. */
function namesOf(key: string): { readonly id: string; readonly device: string } {
  const at = key.indexOf('|');
  return { id: key.slice(0, at), device: key.slice(at + 1) };
}
