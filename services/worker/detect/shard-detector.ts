import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { formatDetectCheckpoint, type DetectCheckpoint } from '../../../contracts/detect-checkpoint.ts';
import { formatHeard, heardField } from '../../../contracts/heard.ts';
import { numericReadingsOf, positionReadingsOf } from '../../../contracts/pack-readings.ts';
import type { DeviceRecord } from '../../../contracts/registry.ts';
import { leastSerious } from '../../../core/alerts/alert.ts';
import type { Cause } from '../../../core/alerts/alert-state.ts';
import { hear, type Heard, type Voice } from '../../../core/detection/quorum/heard.ts';
import { newsOf, triggerOf } from '../../../core/detection/quorum/trigger-of.ts';
import type { NumericReading, RuleTransition } from '../../../core/detection/reading-evaluation.ts';
import type { DeviceRule } from '../../../core/detection/rule.ts';
import type { RuleState } from '../../../core/detection/evaluate.ts';
import type { RuleIndex, RuleTarget } from '../../../core/detection/rule-index.ts';
import {
  ARRIVAL_GRACE_US,
  inTimeOrder,
  RuleStates,
  type ArrivedReading,
  type CausedTransition,
  type TimedTransition,
} from '../../../core/detection/rule-states.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { TransitionRequest } from '../../../platform/redis/alert-log/alert-log.ts';
import { causeAt } from '../alerts/cause-at.ts';
import type { TriggerRequest } from '../triggers/trigger-log.ts';

/** Of one rule and device at one reading. */
const PLACES = 4096;
/** Causes that are none of readings, behind all that an entry can have. */
const BY_TIME = 1e12;

/** What one entry causes, each in order. */
export interface Caused {
  readonly transitions: readonly TransitionRequest[];
  readonly triggers: readonly TriggerRequest[];
}

/** What was known when this detector began. */
export interface KnownBefore {
  /**
   * Alerts of the shard, as `<rule>|<device>`: what went out after the checkpoint counts, because the readings that caused it
   * may be too late to be evaluated again.
   */
  readonly active: ReadonlySet<string>;
  /** Those that were taken back: what they were about may go on. */
  readonly cancelled: ReadonlySet<string>;
  /** Nobody but the checkpoint knows whether such a rule is raised. */
  readonly emitsTriggers: (rule: string) => boolean;
  /** By contracts/heard.ts. */
  readonly heard: ReadonlyMap<string, Heard>;
}

/** Evaluates the readings of one shard in the order of its log. Holds the state of every rule and device of the shard. */
export class ShardDetector {
  readonly #states: RuleStates;
  readonly #heard: Map<string, Heard>;
  readonly #heardAnew = new Set<string>();
  #position: string;
  /** Up to here nothing has come that is not evaluated, Unix microseconds by the clock of the log. */
  #passedUs = -Infinity;

  constructor(checkpoint: DetectCheckpoint, { active, cancelled, emitsTriggers, heard }: KnownBefore) {
    this.#heard = new Map(heard);
    this.#position = checkpoint.position;
    this.#states = new RuleStates(
      [...checkpoint.states].map(([key, state]) => [
        key,
        emitsTriggers(key.slice(0, key.indexOf('|'))) ? state : asTold(state, active.has(key), cancelled.has(key)),
      ]),
      active,
    );
  }

  /** The last entry evaluated. */
  get position(): string {
    return this.#position;
  }

  /** What the entry causes. Readings that are late, now or on arrival, change nothing live. */
  evaluate(entryId: string, pack: AdmittedPack, device: DeviceRecord, rules: RuleIndex, nowUs: number): Caused {
    const { entryMs } = causeAt(entryId, 0);
    const seenUs = Math.max(pack.received_us, nowUs);
    const readings = arrivedReadings(numericReadingsOf(pack), 0, pack.received_us, seenUs);
    // Behind all readings, because the places of those in the pack are causes already.
    const positions = arrivedReadings(positionReadingsOf(pack), pack.metric.length, pack.received_us, seenUs);
    const target = targetOf(device);
    this.#hear(
      device,
      readings.filter(({ isLateNow }) => !isLateNow),
      rules,
      nowUs,
    );
    const left = this.#states.leave(target, rules, entryMs * 1000);
    const caused = [readings, positions].flatMap((arrived) =>
      this.#states.evaluate(target, rules, arrived, entryMs * 1000).map(({ rule, transition, index, place }) => {
        const cause = causeAt(entryId, (arrived[index]?.rank ?? 0) * PLACES + place);
        return { rule, transition, device, cause };
      }),
    );
    return tell(
      [...left.map((each) => ({ ...each, device, cause: this.#causeByTime(each) })), ...caused],
      pack.received_us,
    );
  }

  /** Whether time or these rules can change anything. */
  mayChange(rules: RuleIndex): boolean {
    return this.#states.mayChange(rules);
  }

  /**
   * What time alone causes at the devices that have not been heard of since; nobody knows more of them before the next entry.
   *
   * @param logUs by the clock of the log: all that was appended by then has been evaluated
   */
  async advanceTime(
    logUs: number,
    rules: RuleIndex,
    deviceOf: (id: string) => Promise<DeviceRecord | undefined> | DeviceRecord | undefined,
  ): Promise<Caused> {
    this.#passedUs = Math.max(this.#passedUs, logUs - ARRIVAL_GRACE_US);
    const nowUs = this.#passedUs;
    const told: ToldCause[] = [];
    const take = (each: TimedTransition, device: DeviceRecord | undefined): void => {
      if (device !== undefined) told.push({ ...each, device, cause: this.#causeByTime(each) });
    };
    for (const each of this.#states.follow(rules, nowUs)) take(each, await deviceOf(each.device));
    for (const due of this.#states.due(rules, nowUs)) {
      const device = await deviceOf(due.device);
      const target = device && targetOf(device);
      for (const each of this.#states.passTime(due, target, rules, nowUs)) take(each, device);
    }
    return tell(told, undefined);
  }

  /** Behind all that the entry at the position can have caused. */
  #causeByTime({ place, dueUs }: TimedTransition): Cause {
    const { entryMs, entrySeq } = causeAt(this.#position, 0);
    const sinceMs = Math.max(0, Math.floor(dueUs / 1000) - entryMs);
    return { entryMs, entrySeq, index: BY_TIME + sinceMs * PLACES + place };
  }

  /** Called when everything that the entry caused has gone out. */
  advance(entryId: string): void {
    this.#position = entryId;
  }

  /** What has changed since the last call, to be written. */
  takeCheckpoint(): Record<string, string> {
    return formatDetectCheckpoint({ position: this.#position, states: this.#states.takeChanged() });
  }

  /** Fields of who has been heard since the last call, by contracts/heard.ts. */
  takeHeard(): Record<string, string> {
    const fields: Record<string, string> = {};
    for (const field of this.#heardAnew) {
      const heard = this.#heard.get(field);
      if (heard !== undefined) fields[field] = formatHeard(heard);
    }
    this.#heardAnew.clear();
    return fields;
  }

  #hear(device: DeviceRecord, readings: readonly NumericReading[], rules: RuleIndex, nowUs: number): void {
    const voice = voiceOf(device);
    if (voice === undefined || readings.length === 0) return;
    const metrics = new Set(readings.map(({ metric }) => metric));
    const untilUs = readings.reduce((newest, { timeUs }) => Math.max(newest, timeUs), 0);
    for (const { id } of rules.triggerRulesFor(metrics, targetOf(device))) {
      const field = heardField(id, device.id);
      this.#heard.set(field, hear(this.#heard.get(field), voice, untilUs, nowUs));
      this.#heardAnew.add(field);
    }
  }
}

/** A device without a position has no vote. */
function voiceOf({ id, site, owner, position }: DeviceRecord): Voice | undefined {
  return position === null
    ? undefined
    : { device: id, site, owner, position: { lat: position.lat, lon: position.lon } };
}

interface RankedReading extends ArrivedReading {
  /** In the whole pack, by time: what has become late meanwhile does not change it. */
  readonly rank: number;
}

/** In the order of their times, those that were not late when they came. */
function arrivedReadings(
  readings: readonly NumericReading[],
  firstRank: number,
  receivedUs: number,
  seenUs: number,
): readonly RankedReading[] {
  return inTimeOrder(readings)
    .map((reading, rank) => ({ ...reading, rank: firstRank + rank, isLateNow: isLate(reading.timeUs, seenUs) }))
    .filter(({ timeUs }) => !isLate(timeUs, receivedUs));
}

function targetOf({ id, zones, tags }: DeviceRecord): RuleTarget {
  return { device: id, zones, tags };
}

interface ToldCause extends Pick<CausedTransition, 'rule' | 'transition'> {
  readonly device: DeviceRecord;
  readonly cause: Cause;
}

/** @param receivedUs of the pack that caused them, Unix microseconds */
function tell(caused: readonly ToldCause[], receivedUs: number | undefined): Caused {
  return {
    transitions: caused
      .filter(({ rule }) => rule.emits === 'alert')
      .map(({ rule, transition, device, cause }) => ({ cause, transition: describe(rule, device, transition) })),
    triggers: caused
      .filter(({ rule }) => rule.emits === 'trigger')
      .flatMap(({ rule, transition, device, cause }) => {
        const voice = voiceOf(device);
        if (voice === undefined) return [];
        const { zones, status } = device;
        const trigger = triggerOf('', rule.id, { ...voice, zones, status }, transition);
        const logged = { news: { kind: newsOf(transition), trigger }, receivedUs: receivedUs ?? transition.atUs };
        return [{ cause, logged }];
      }),
  };
}

/** What went out, or did not, counts: a condition that holds with nobody told may go on so. */
function asTold(state: RuleState, isActive: boolean, isCancelled: boolean): RuleState {
  if (isActive) return { ...state, raised: true, held: undefined };
  return state.raised && (state.held === true || isCancelled) ? state : { ...state, raised: false, held: undefined };
}

function describe(rule: DeviceRule, device: DeviceRecord, transition: RuleTransition): TransitionRequest['transition'] {
  return {
    rule: rule.id,
    rule_kind: rule.kind,
    subject: device.id,
    kind: transition.kind,
    severity: transition.severity,
    status: leastSerious(rule.status, device.status),
    headline: rule.headline,
    at_us: transition.atUs,
    actor: 'detection',
    position: positionOf(transition.position ?? device.position),
    zones: device.zones,
    evidence: transition.evidence,
  };
}

function positionOf(position: { readonly lat: number; readonly lon: number } | null): Transition['position'] {
  return position === null ? null : { lat: position.lat, lon: position.lon };
}
