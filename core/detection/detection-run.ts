import type { Position } from '../geo/position.ts';
import { isLate } from '../telemetry/reading.ts';
import { advance, associate, EMPTY_QUORUM, type QuorumState } from './quorum/associate.ts';
import { Presence } from './quorum/presence.ts';
import type { QuorumTransition } from './quorum/quorum-event.ts';
import type { Trigger } from './quorum/trigger.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { QuorumRule, ReadingRule, Rule } from './rule.ts';
import { RuleIndex } from './rule-index.ts';
import { RuleStates, type CausedTransition } from './rule-states.ts';

export interface RunDevice {
  readonly device: string;
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position;
  readonly zones: readonly string[];
}

/** What one device sent, and when it came. */
export interface RunPack {
  readonly device: string;
  /** Unix microseconds. */
  readonly arrivedUs: number;
  readonly readings: readonly NumericReading[];
}

interface RunMoment {
  /** Unix microseconds of virtual time. */
  readonly nowUs: number;
}

/** Of a rule over readings, also when it emits triggers. */
interface DeviceRunTransition extends RunMoment {
  readonly of: 'device';
  readonly rule: ReadingRule;
  readonly device: string;
  readonly transition: RuleTransition;
}

interface QuorumRunTransition extends RunMoment {
  readonly of: 'quorum';
  readonly rule: QuorumRule;
  readonly transition: QuorumTransition;
}

export type RunTransition = DeviceRunTransition | QuorumRunTransition;

/** Rules over packs in the order of their arrival, in one process and on virtual time, which is that of the arrivals. */
export class DetectionRun {
  readonly #rules: RuleIndex;
  readonly #quorums: readonly QuorumRule[];
  readonly #devices: ReadonlyMap<string, RunDevice>;
  readonly #states = new RuleStates();
  readonly #presence: Presence;
  readonly #quorumStates = new Map<string, QuorumState>();
  #triggers = 0;
  #advancedUs = -Infinity;

  constructor(rules: readonly Rule[], devices: readonly RunDevice[]) {
    this.#rules = new RuleIndex(rules);
    this.#quorums = rules.filter((rule) => rule.kind === 'quorum' && rule.enabled).map((rule) => rule as QuorumRule);
    this.#devices = new Map(devices.map((device) => [device.device, device]));
    this.#presence = new Presence(
      devices,
      Math.max(1000, ...this.#quorums.map(({ within_m: withinM }) => withinM / 4)),
    );
  }

  receive({ device: id, arrivedUs, readings }: RunPack): readonly RunTransition[] {
    const device = this.#devices.get(id);
    if (device === undefined) return [];
    const passed = this.#advanceTo(arrivedUs);
    const live = readings.filter(({ timeUs }) => !isLate(timeUs, arrivedUs));
    if (live.length === 0) return passed;
    const caused = this.#states.evaluate(device, this.#rules, live);
    this.#presence.hear(id, Math.max(...live.map(({ timeUs }) => timeUs)), arrivedUs);
    return [...passed, ...caused.flatMap((cause) => this.#follow(device, cause, arrivedUs))];
  }

  #follow(device: RunDevice, { rule, transition }: CausedTransition, nowUs: number): readonly RunTransition[] {
    const itself: RunTransition = { of: 'device', nowUs, rule, device: device.device, transition };
    if (rule.emits === 'alert') return [itself];
    const trigger = this.#triggerOf(rule, device, transition);
    const quorums = this.#quorums.flatMap((quorum): readonly RunTransition[] => {
      if (!quorum.triggers.includes(rule.id)) return [];
      const before = this.#quorumStates.get(quorum.id) ?? EMPTY_QUORUM;
      const news = { kind: transition.kind, trigger };
      const { state, transitions } = associate(quorum, before, news, this.#presence.at(nowUs), nowUs);
      this.#quorumStates.set(quorum.id, state);
      return transitions.map((decided) => ({ of: 'quorum', nowUs, rule: quorum, transition: decided }));
    });
    return [itself, ...quorums];
  }

  #triggerOf(rule: ReadingRule, device: RunDevice, { atUs, evidence, burst }: RuleTransition): Trigger {
    this.#triggers += 1;
    const newest = evidence.readings.at(-1);
    return {
      id: `${this.#triggers}-0`,
      rule: rule.id,
      device: device.device,
      site: device.site,
      owner: device.owner,
      position: device.position,
      metric: newest?.metric ?? '',
      onsetUs: burst?.onsetUs ?? atUs,
      peak: burst?.peak ?? Math.abs(newest?.value ?? 0),
    };
  }

  /** Once a second: what changes because time passes. */
  #advanceTo(nowUs: number): readonly RunTransition[] {
    if (nowUs - this.#advancedUs < 1e6) return [];
    this.#advancedUs = nowUs;
    return this.#quorums.flatMap((quorum): readonly RunTransition[] => {
      const before = this.#quorumStates.get(quorum.id) ?? EMPTY_QUORUM;
      const { state, transitions } = advance(quorum, before, this.#presence.at(nowUs), nowUs);
      this.#quorumStates.set(quorum.id, state);
      return transitions.map((transition) => ({ of: 'quorum', nowUs, rule: quorum, transition }));
    });
  }
}
