import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { formatDetectCheckpoint, type DetectCheckpoint } from '../../../contracts/detect-checkpoint.ts';
import { formatHeard, heardField } from '../../../contracts/heard.ts';
import type { DeviceRecord } from '../../../contracts/registry.ts';
import { hear, type Heard, type Voice } from '../../../core/detection/quorum/heard.ts';
import { triggerOf } from '../../../core/detection/quorum/trigger-of.ts';
import type { NumericReading, RuleTransition } from '../../../core/detection/reading-evaluation.ts';
import type { ReadingRule } from '../../../core/detection/rule.ts';
import type { RuleIndex } from '../../../core/detection/rule-index.ts';
import { inTimeOrder, RuleStates } from '../../../core/detection/rule-states.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { TransitionRequest } from '../alerts/alert-log.ts';
import { causeAt } from '../alerts/cause-at.ts';
import type { TriggerRequest } from '../triggers/trigger-log.ts';

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

  constructor(checkpoint: DetectCheckpoint, { active, emitsTriggers, heard }: KnownBefore) {
    this.#heard = new Map(heard);
    this.#position = checkpoint.position;
    this.#states = new RuleStates(
      [...checkpoint.states].map(([key, state]) => [
        key,
        emitsTriggers(key.slice(0, key.indexOf('|'))) ? state : { ...state, raised: active.has(key) },
      ]),
      (key) => active.has(key),
    );
  }

  /** The last entry evaluated. */
  get position(): string {
    return this.#position;
  }

  /** What the entry causes. Readings that are late, now or on arrival, change nothing live. */
  evaluate(entryId: string, pack: AdmittedPack, device: DeviceRecord, rules: RuleIndex, nowUs: number): Caused {
    const readings = liveReadings(pack, Math.max(pack.received_us, nowUs));
    const target = { device: device.id, zones: device.zones };
    this.#hear(device, readings, rules, nowUs);
    const caused = this.#states.evaluate(target, rules, readings);
    return {
      transitions: caused
        .filter(({ rule }) => rule.emits === 'alert')
        .map(({ rule, transition, index }) => ({
          cause: causeAt(entryId, readings[index]?.rank ?? 0),
          transition: describe(rule, device, transition),
        })),
      triggers: caused
        .filter(({ rule }) => rule.emits === 'trigger')
        .flatMap(({ rule, transition, index }) => {
          const voice = voiceOf(device);
          if (voice === undefined) return [];
          const trigger = triggerOf('', rule.id, { ...voice, zones: device.zones }, transition);
          const logged = { news: { kind: transition.kind, trigger }, receivedUs: pack.received_us };
          return [{ cause: causeAt(entryId, readings[index]?.rank ?? 0), logged }];
        }),
    };
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
    for (const { id } of rules.triggerRulesFor(metrics, { device: device.id, zones: device.zones })) {
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

interface RankedReading extends NumericReading {
  /** In the whole pack, by time: what has become late meanwhile does not change it. */
  readonly rank: number;
}

function liveReadings(pack: AdmittedPack, seenUs: number): readonly RankedReading[] {
  const readings: NumericReading[] = [];
  for (const [index, number] of pack.metric.entries()) {
    const timeUs = pack.time_us[index];
    const value = pack.value[index];
    const metric = pack.metrics[number];
    if (timeUs === undefined || metric === undefined || typeof value !== 'number') continue;
    readings.push({ device: pack.device, metric, timeUs, value });
  }
  return inTimeOrder(readings)
    .map((reading, rank) => ({ ...reading, rank }))
    .filter(({ timeUs }) => !isLate(timeUs, seenUs));
}

function describe(
  rule: ReadingRule,
  device: DeviceRecord,
  transition: RuleTransition,
): TransitionRequest['transition'] {
  return {
    rule: rule.id,
    rule_kind: rule.kind,
    subject: device.id,
    kind: transition.kind,
    severity: rule.severity,
    status: rule.status,
    headline: rule.headline,
    at_us: transition.atUs,
    actor: 'detection',
    position: device.position === null ? null : { lat: device.position.lat, lon: device.position.lon },
    zones: device.zones,
    evidence: transition.evidence,
  };
}
