import type { CapStatus } from '../alerts/alert.ts';
import type { Position } from '../geo/position.ts';
import type { ZoneArea } from '../geo/zone-area.ts';
import { isLate } from '../telemetry/reading.ts';
import { hear, type Heard, type Voice } from './quorum/heard.ts';
import type { QuorumTransition } from './quorum/quorum-event.ts';
import { Quorums, type QuorumDecision } from './quorum/quorums.ts';
import { newsOf, triggerOf } from './quorum/trigger-of.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { DeviceRule, QuorumRule, Rule } from './rule.ts';
import { RuleIndex, type RuleTarget } from './rule-index.ts';
import { ARRIVAL_GRACE_US, inTimeOrder, RuleStates } from './rule-states.ts';

export interface RunDevice extends RuleTarget {
  readonly site: string | null;
  readonly owner: string | null;
  /** Without one it has no vote. */
  readonly position: Position | undefined;
  readonly status: CapStatus;
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
  readonly rule: DeviceRule;
  readonly device: string;
  readonly transition: RuleTransition;
}

interface QuorumRunTransition extends RunMoment {
  readonly of: 'quorum';
  readonly rule: QuorumRule;
  readonly transition: QuorumTransition;
}

export type RunTransition = DeviceRunTransition | QuorumRunTransition;

/** What only time changes is looked at once in this time. */
const ADVANCE_EVERY_US = 1_000_000;
/** Who was heard reaches association as late as it may when it is live. */
const LISTEN_EVERY_US = 500_000;

/** Rules over packs in the order of their arrival, in one process and on virtual time, which is that of the arrivals. */
export class DetectionRun {
  readonly #rules: RuleIndex;
  readonly #devices: ReadonlyMap<string, RunDevice>;
  readonly #states = new RuleStates();
  readonly #quorums = new Quorums();
  readonly #heard = new Map<string, Map<string, Heard>>();
  #triggers = 0;
  #advancedUs = -Infinity;
  #listenedUs = -Infinity;

  /** @param areas of zones, for geofences */
  constructor(rules: readonly Rule[], devices: readonly RunDevice[], areas?: ReadonlyMap<string, ZoneArea>) {
    this.#rules = new RuleIndex(rules, areas);
    this.#devices = new Map(devices.map((device) => [device.device, device]));
  }

  receive({ device: id, arrivedUs, readings }: RunPack): readonly RunTransition[] {
    const device = this.#devices.get(id);
    if (device === undefined) return [];
    const passed = this.advanceTo(arrivedUs);
    const live = readings.filter(({ timeUs }) => !isLate(timeUs, arrivedUs));
    if (live.length === 0) return passed;
    const caused = this.#states.evaluate(device, this.#rules, inTimeOrder(live), arrivedUs);
    this.#hear(device, live, arrivedUs);
    return [...passed, ...caused.flatMap(({ rule, transition }) => this.#follow(device, rule, transition, arrivedUs))];
  }

  /** What time alone changes until then: nothing else has come. */
  advanceTo(nowUs: number): readonly RunTransition[] {
    const passedUs = nowUs - ARRIVAL_GRACE_US;
    const timed = this.#states.due(this.#rules, passedUs).flatMap((due) => {
      const device = this.#devices.get(due.device);
      const told = this.#states.passTime(due, device, this.#rules, passedUs);
      return device === undefined
        ? []
        : told.flatMap(({ rule, transition }) => this.#follow(device, rule, transition, nowUs));
    });
    return [...timed, ...this.#advanceQuorums(nowUs)];
  }

  #hear(device: RunDevice, live: readonly NumericReading[], nowUs: number): void {
    const voice = voiceOf(device);
    if (voice === undefined) return;
    const untilUs = live.reduce((newest, { timeUs }) => Math.max(newest, timeUs), -Infinity);
    const metrics = new Set(live.map(({ metric }) => metric));
    for (const { id } of this.#rules.triggerRulesFor(metrics, device)) {
      const heard = this.#heard.get(id) ?? new Map<string, Heard>();
      const before = heard.get(device.device);
      heard.set(device.device, hear(before, voice, untilUs, nowUs));
      this.#heard.set(id, heard);
    }
  }

  #follow(device: RunDevice, rule: DeviceRule, transition: RuleTransition, nowUs: number): readonly RunTransition[] {
    const itself: RunTransition = { of: 'device', nowUs, rule, device: device.device, transition };
    if (rule.emits === 'alert') return [itself];
    const voice = voiceOf(device);
    if (voice === undefined) return [itself];
    this.#triggers += 1;
    const { zones, status } = device;
    const trigger = triggerOf(`${this.#triggers}-0`, rule.id, { ...voice, zones, status }, transition);
    const decisions = this.#quorums.take(this.#rules.quorums, { kind: newsOf(transition), trigger }, nowUs);
    return [itself, ...decisions.map((decision) => told(decision, nowUs))];
  }

  #advanceQuorums(nowUs: number): readonly RunTransition[] {
    if (nowUs - this.#listenedUs >= LISTEN_EVERY_US) {
      this.#listenedUs = nowUs;
      this.#quorums.listenTo(new Map([...this.#heard].map(([rule, heard]) => [rule, new Map(heard)])));
    }
    if (nowUs - this.#advancedUs < ADVANCE_EVERY_US) return [];
    this.#advancedUs = nowUs;
    return this.#quorums.advance(this.#rules.quorums, nowUs).map((decision) => told(decision, nowUs));
  }
}

function voiceOf({ device, site, owner, position }: RunDevice): Voice | undefined {
  return position && { device, site, owner, position };
}

function told(decision: QuorumDecision, nowUs: number): RunTransition {
  return { of: 'quorum', nowUs, ...decision };
}
