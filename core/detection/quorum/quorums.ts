import type { QuorumRule } from '../rule.ts';
import { advance, associate } from './associate.ts';
import { HeardIndex, type Heard } from './heard.ts';
import { describe, type QuorumTransition } from './quorum-event.ts';
import { EMPTY_QUORUM, type Association, type QuorumState } from './quorum-state.ts';
import type { TriggerNews } from './trigger.ts';

export interface QuorumDecision {
  readonly rule: QuorumRule;
  readonly transition: QuorumTransition;
}

/** By the rule that looks at the readings, and any key. */
export type HeardByRule = ReadonlyMap<string, ReadonlyMap<string, Heard>>;

const SMALLEST_CELL_M = 1000;
/** Cells of a circle's width. */
const CELLS = 4;

/** All quorum rules and what they know. */
export class Quorums {
  readonly #states: Map<string, QuorumState>;
  readonly #changed = new Set<string>();
  #indexes = new Map<string, HeardIndex>();
  #heard: HeardByRule = new Map();

  /** @param states by rule */
  constructor(states: Iterable<readonly [string, QuorumState]> = []) {
    this.#states = new Map(states);
  }

  /**
   * Who is there from now on.
   *
   * @param isMoved false when it is the same maps as before with the same devices at the same places
   */
  listenTo(heard: HeardByRule, isMoved = true): void {
    if (!isMoved && heard === this.#heard) return;
    this.#heard = heard;
    this.#indexes = new Map();
  }

  /** What a trigger changes. */
  take(rules: readonly QuorumRule[], news: TriggerNews, nowUs: number): readonly QuorumDecision[] {
    return rules
      .filter(({ enabled, triggers }) => enabled && triggers.includes(news.trigger.rule))
      .flatMap((rule) =>
        this.#keep(rule, (before) => associate(rule, before, news, this.#index(rule).at(nowUs), nowUs)),
      );
  }

  /** What only time changes, and what is taken back because its rule is switched off. */
  advance(rules: readonly QuorumRule[], nowUs: number): readonly QuorumDecision[] {
    return rules.flatMap((rule) =>
      this.#keep(rule, (before) =>
        rule.enabled ? advance(rule, before, this.#index(rule).at(nowUs), nowUs) : takeBack(rule, before),
      ),
    );
  }

  /** Active alerts, as `<rule>|<subject>`. */
  get active(): ReadonlySet<string> {
    return new Set([...this.#states].flatMap(([id, { events }]) => events.map(({ subject }) => `${id}|${subject}`)));
  }

  /** Whether triggers or alerts are waiting for time to pass. */
  get isBusy(): boolean {
    return [...this.#states.values()].some(({ open, events }) => open.length > 0 || events.length > 0);
  }

  /** Those that have changed since the last call. */
  takeChanged(): ReadonlyMap<string, QuorumState> {
    const changed = new Map([...this.#changed].map((id) => [id, this.#states.get(id) ?? EMPTY_QUORUM] as const));
    this.#changed.clear();
    return changed;
  }

  #keep(rule: QuorumRule, decide: (before: QuorumState) => Association): readonly QuorumDecision[] {
    const before = this.#states.get(rule.id) ?? EMPTY_QUORUM;
    const { state, transitions } = decide(before);
    if (state !== before) {
      this.#states.set(rule.id, state);
      this.#changed.add(rule.id);
    }
    return transitions.map((transition) => ({ rule, transition }));
  }

  #index(rule: QuorumRule): HeardIndex {
    const known = this.#indexes.get(rule.id);
    if (known !== undefined) return known;
    const heard = rule.triggers.flatMap((id) => this.#heard.get(id) ?? []);
    const index = new HeardIndex(heard, Math.max(SMALLEST_CELL_M, (2 * rule.within_m) / CELLS));
    this.#indexes.set(rule.id, index);
    return index;
  }
}

function takeBack(rule: QuorumRule, before: QuorumState): Association {
  if (before.events.length === 0 && before.open.length === 0) return { state: before, transitions: [] };
  const transitions = before.events.map((event) => describe(rule, event, 'cancelled', 0));
  return { state: EMPTY_QUORUM, transitions };
}
