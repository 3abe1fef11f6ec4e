import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { formatDetectCheckpoint, type DetectCheckpoint } from '../../../contracts/detect-checkpoint.ts';
import type { DeviceRecord } from '../../../contracts/registry.ts';
import type { Cause } from '../../../core/alerts/alert-state.ts';
import type { NumericReading, RuleTransition } from '../../../core/detection/reading-evaluation.ts';
import type { ReadingRule } from '../../../core/detection/rule.ts';
import type { RuleIndex } from '../../../core/detection/rule-index.ts';
import { RuleStates } from '../../../core/detection/rule-states.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { TransitionRequest } from '../alerts/alert-log.ts';

const ENTRY_ID = /^(\d+)-(\d+)$/;

/** Evaluates the readings of one shard in the order of its log. Holds the state of every rule and device of the shard. */
export class ShardDetector {
  readonly #states: RuleStates;
  #position: string;

  /**
   * @param active alerts of the shard, as `<rule>|<device>`: what went out after the checkpoint counts, because the readings
   * that caused it may be too late to be evaluated again
   */
  constructor(checkpoint: DetectCheckpoint, active: ReadonlySet<string>) {
    this.#position = checkpoint.position;
    this.#states = new RuleStates(
      [...checkpoint.states].map(([key, state]) => [key, { ...state, raised: active.has(key) }]),
      (key) => active.has(key),
    );
  }

  /** The last entry evaluated. */
  get position(): string {
    return this.#position;
  }

  /** The transitions that the entry causes, in order. Readings that are late, now or on arrival, change nothing live. */
  evaluate(
    entryId: string,
    pack: AdmittedPack,
    device: DeviceRecord,
    rules: RuleIndex,
    nowUs: number,
  ): TransitionRequest[] {
    const readings = liveReadings(pack, Math.max(pack.received_us, nowUs));
    return this.#states
      .evaluate({ device: device.id, zones: device.zones }, rules, readings)
      .filter(({ rule }) => rule.emits === 'alert')
      .map(({ rule, transition, index }) => ({
        cause: causeOf(entryId, index),
        transition: describe(rule, device, transition),
      }));
  }

  /** Called when everything that the entry caused has gone out. */
  advance(entryId: string): void {
    this.#position = entryId;
  }

  /** What has changed since the last call, to be written. */
  takeCheckpoint(): Record<string, string> {
    return formatDetectCheckpoint({ position: this.#position, states: this.#states.takeChanged() });
  }
}

function liveReadings(pack: AdmittedPack, seenUs: number): readonly NumericReading[] {
  const readings: NumericReading[] = [];
  for (const [index, number] of pack.metric.entries()) {
    const timeUs = pack.time_us[index];
    const value = pack.value[index];
    const metric = pack.metrics[number];
    if (timeUs === undefined || metric === undefined || typeof value !== 'number' || isLate(timeUs, seenUs)) continue;
    readings.push({ device: pack.device, metric, timeUs, value });
  }
  return readings;
}

function causeOf(entryId: string, index: number): Cause {
  const match = ENTRY_ID.exec(entryId);
  if (match === null) throw new Error(`${entryId} is not the id of a stream entry`);
  return { entryMs: Number(match[1]), entrySeq: Number(match[2]), index };
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
