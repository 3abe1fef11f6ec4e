/**
 * Between a condition that holds and people who are told: severity, times in which nobody is told, repeats, and alerts that come
 * and go. What the kinds of rules find is whether the condition holds; what is made of it here is the same for all of them.
 *
 *      condition holds ──▶ in force? ──no──▶ held, until it is in force or the condition ends
 *                             │yes
 *                             ▼
 *                           raised ──▶ updated (severity, repeats) ──▶ cleared
 */
import type { Evidence, Severity } from '../alerts/alert.ts';
import { judgeMeasure, type HysteresisState } from './hysteresis.ts';
import { isInForce } from './in-force.ts';
import type { Measured, RuleTransition } from './reading-evaluation.ts';
import type { DeviceRule } from './rule.ts';

/** What is remembered of an alert beside the condition. */
export interface Told {
  /** The condition holds, and nobody was told: it is muted, or out of hours. */
  readonly held?: true | undefined;
  /** Of the levels of severity, in the order of the rule. */
  readonly levels?: readonly HysteresisState[] | undefined;
  /** Times at which the condition began to hold last, oldest first. */
  readonly raises?: readonly number[] | undefined;
  /** When people were told last. */
  readonly toldUs?: number | undefined;
  /** What they were told then, where it is not the rule's. */
  readonly toldSeverity?: Severity | undefined;
}

interface Condition {
  readonly raised: boolean;
}

/** Best first. */
const SEVERITIES: readonly Severity[] = ['Unknown', 'Minor', 'Moderate', 'Severe', 'Extreme'];
const QUIET: HysteresisState = { raised: false, metrics: {} };

/** While an alert comes and goes it clears only after a long quiet. */
export function clearAfterS(
  rule: Extract<DeviceRule, { readonly flapping?: unknown; readonly clear_after_s: number }>,
  { raises = [] }: Told,
): number {
  const { flapping, clear_after_s: clearAfter } = rule;
  if (flapping === undefined || raises.length < flapping.raises) return clearAfter;
  return Math.max(clearAfter, flapping.within_s);
}

/** What is remembered after a measure, and what is told. */
export function tellMeasured(
  rule: Exclude<DeviceRule, { readonly kind: 'absence' }>,
  device: string,
  before: Condition & Told,
  after: Condition,
  measured: Measured,
): { readonly told: Told; readonly transition?: RuleTransition | undefined } {
  const { measure, burst, isStronger = false } = measured;
  const { timeUs } = measure;
  const wasTold = before.raised && before.held !== true;
  const raises =
    rule.flapping === undefined
      ? undefined
      : nextRaises(rule.flapping, before.raises, !before.raised && after.raised, timeUs);
  const levels = nextLevels(rule, before, after, measured);
  const severity = severityOf(rule, levels);
  const describe = (kind: RuleTransition['kind'], of: Severity): RuleTransition => ({
    kind,
    atUs: timeUs,
    severity: of,
    evidence: evidenceOf(rule, kind, of, measured),
    ...(burst !== undefined && { burst }),
  });
  const { toldUs = timeUs, toldSeverity = rule.severity } = before;
  if (!after.raised) {
    const transition = wasTold ? describe('cleared', toldSeverity) : undefined;
    return { told: { raises, levels }, transition };
  }
  const now = { raises, levels, toldUs: timeUs, ...(severity !== rule.severity && { toldSeverity: severity }) };
  if (!wasTold) {
    if (!isInForce(rule, device, timeUs)) return { told: { held: true, raises, levels } };
    return { told: now, transition: describe('raised', severity) };
  }
  const isDue = rule.repeat_every_s !== undefined && timeUs - toldUs >= rule.repeat_every_s * 1e6;
  const isNews = isStronger || isDue || severity !== toldSeverity;
  // What cannot be told now is news until it can.
  if (!isNews || !isInForce(rule, device, timeUs)) {
    return { told: { raises, levels, toldUs, toldSeverity: before.toldSeverity } };
  }
  return { told: now, transition: describe('updated', severity) };
}

function nextRaises(
  { raises: most, within_s: withinS }: { readonly raises: number; readonly within_s: number },
  before: readonly number[] | undefined,
  isRaisedNow: boolean,
  timeUs: number,
): readonly number[] | undefined {
  // Whether it comes and goes is decided when it comes, and holds until it has gone.
  if (!isRaisedNow) return before;
  return [...(before ?? []).filter((raisedUs) => timeUs - raisedUs <= withinS * 1e6), timeUs].slice(-most);
}

/** Each level is a condition of its own. */
function nextLevels(
  rule: DeviceRule,
  before: Told,
  after: Condition,
  { measure, names }: Measured,
): readonly HysteresisState[] | undefined {
  if (!('levels' in rule) || rule.levels.length === 0) return undefined;
  const { duration_s, clear_after_s, when } = rule;
  return rule.levels.map((level, index) => {
    const state = before.levels?.[index] ?? QUIET;
    const judged = judgeMeasure({ when, duration_s, clear_after_s, ...level }, state, measure, names);
    // The next alert is another one.
    return judged.raised && !after.raised ? { ...judged, raised: false } : judged;
  });
}

/** The worst of the levels that are reached. */
function severityOf(rule: DeviceRule, levels: readonly HysteresisState[] | undefined): Severity {
  if (levels === undefined || !('levels' in rule)) return rule.severity;
  return rule.levels.reduce<Severity>(
    (worst, { severity }, index) =>
      levels[index]?.raised === true && SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(worst) ? severity : worst,
    rule.severity,
  );
}

function evidenceOf(
  rule: Exclude<DeviceRule, { readonly kind: 'absence' }>,
  kind: RuleTransition['kind'],
  severity: Severity,
  { readings, told }: Measured,
): Evidence {
  return {
    rule_version: rule.version,
    ...(rule.kind !== 'geofence' && { limit: limitOf(rule, kind, severity) }),
    ...(rule.kind === 'geofence' && { zone: rule.zone }),
    ...(told !== undefined && { measure: told }),
    readings: readings().map(({ device, metric, timeUs, value }) => ({ device, metric, time_us: timeUs, value })),
  };
}

/** That of the severity. */
function limitOf(
  rule: Extract<DeviceRule, { readonly limit: number }>,
  kind: RuleTransition['kind'],
  severity: Severity,
): number {
  if (kind === 'cleared') return rule.clear_limit;
  if (severity === rule.severity) return rule.limit;
  return rule.levels.find((level) => level.severity === severity)?.limit ?? rule.limit;
}
