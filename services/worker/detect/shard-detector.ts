import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { formatDetectCheckpoint, type DetectCheckpoint } from '../../../contracts/detect-checkpoint.ts';
import type { DeviceRecord } from '../../../contracts/registry.ts';
import type { Cause } from '../../../core/alerts/alert-state.ts';
import { bareState, evaluateRule, type RuleState } from '../../../core/detection/evaluate.ts';
import type { RuleTransition } from '../../../core/detection/reading-evaluation.ts';
import type { Rule } from '../../../core/detection/rule.ts';
import type { RuleIndex } from '../../../core/detection/rule-index.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { TransitionRequest } from '../alerts/alert-log.ts';

const ENTRY_ID = /^(\d+)-(\d+)$/;

/** Evaluates the readings of one shard in the order of its log. Holds the state of every rule and device of the shard. */
export class ShardDetector {
  readonly #states = new Map<string, RuleState>();
  /** As they were when this detector began. */
  readonly #active: ReadonlySet<string>;
  readonly #changed = new Set<string>();
  #position: string;

  /**
   * @param active alerts of the shard, as `<rule>|<device>`: what went out after the checkpoint counts, because the readings
   * that caused it may be too late to be evaluated again
   */
  constructor(checkpoint: DetectCheckpoint, active: ReadonlySet<string>) {
    this.#position = checkpoint.position;
    this.#active = active;
    for (const [key, state] of checkpoint.states) this.#states.set(key, { ...state, raised: active.has(key) });
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
    const requests: TransitionRequest[] = [];
    const applicable = pack.metrics.map((metric) => rules.rulesFor(metric, { device: device.id, zones: device.zones }));
    const seenUs = Math.max(pack.received_us, nowUs);
    for (const [index, metric] of pack.metric.entries()) {
      const timeUs = pack.time_us[index];
      const value = pack.value[index];
      const name = pack.metrics[metric];
      if (timeUs === undefined || name === undefined || typeof value !== 'number' || isLate(timeUs, seenUs)) continue;
      for (const rule of applicable[metric] ?? []) {
        const key = `${rule.id}|${device.id}`;
        const before = this.#states.get(key) ?? bareState(this.#active.has(key));
        const { state, transition } = evaluateRule(rule, before, {
          device: device.id,
          metric: name,
          timeUs,
          value,
        });
        if (state !== before) {
          this.#states.set(key, state);
          this.#changed.add(key);
        }
        if (transition !== undefined) {
          const cause = causeOf(entryId, index);
          requests.push({ cause, transition: describe(rule, device, transition) });
        }
      }
    }
    return requests;
  }

  /** Called when everything that the entry caused has gone out. */
  advance(entryId: string): void {
    this.#position = entryId;
  }

  /** What has changed since the last call, to be written. */
  takeCheckpoint(): Record<string, string> {
    const states = new Map<string, RuleState>();
    for (const key of this.#changed) {
      const state = this.#states.get(key);
      if (state !== undefined) states.set(key, state);
    }
    this.#changed.clear();
    return formatDetectCheckpoint({ position: this.#position, states });
  }
}

function causeOf(entryId: string, index: number): Cause {
  const match = ENTRY_ID.exec(entryId);
  if (match === null) throw new Error(`${entryId} is not the id of a stream entry`);
  return { entryMs: Number(match[1]), entrySeq: Number(match[2]), index };
}

function describe(rule: Rule, device: DeviceRecord, transition: RuleTransition): TransitionRequest['transition'] {
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
