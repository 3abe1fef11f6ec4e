/**
 * An absence rule counts how long no reading of its metrics has come from a device, by the clock of the platform.
 *
 *                 absent_s without a reading
 *        heard ───────────────────────────────▶ raised
 *          ▲                                      │
 *          └──────────────────────────────────────┘
 *                     the next reading
 *
 * A reading that comes at the very end of the time is in time: the alert is raised after it. A device that was never heard is not
 * missed.
 */
import type { Evidence } from '../alerts/alert.ts';
import { isInForce } from './in-force.ts';
import type { NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { AbsenceRule } from './rule.ts';
import type { Told } from './telling.ts';

export interface AbsenceState {
  readonly kind: 'absence';
  readonly raised: boolean;
  /** When the newest reading came, Unix microseconds by the clock of the platform; undefined before the first. */
  readonly heardUs?: number | undefined;
  /** The newest reading. */
  readonly last?: { readonly metric: string; readonly timeUs: number; readonly value: number } | undefined;
}

interface AbsenceEvaluation {
  readonly state: AbsenceState & Told;
  readonly transition?: RuleTransition | undefined;
}

/** Whether what is held may be told is looked at this often. */
const HELD_FOR_US = 60_000_000;

/** A reading has come. */
export function hearReading(
  rule: AbsenceRule,
  before: AbsenceState & Told,
  { device, metric, timeUs, value }: NumericReading,
  arrivedUs: number,
): AbsenceEvaluation {
  const isKnown = arrivedUs <= (before.heardUs ?? -Infinity) && timeUs <= (before.last?.timeUs ?? -Infinity);
  if (isKnown) return { state: before };
  const heardUs = Math.max(arrivedUs, before.heardUs ?? -Infinity);
  const last = timeUs > (before.last?.timeUs ?? -Infinity) ? { metric, timeUs, value } : before.last;
  const state: AbsenceState = { kind: 'absence', raised: false, heardUs, last };
  if (!before.raised || before.held === true) return { state };
  return { state, transition: describe(rule, device, 'cleared', state, before.heardUs, arrivedUs) };
}

/** When time alone may change something, Unix microseconds. */
export function absenceDueUs(
  rule: AbsenceRule,
  { raised, held, heardUs, toldUs }: AbsenceState & Told,
): number | undefined {
  if (heardUs === undefined) return undefined;
  if (!raised) return heardUs + Math.round(rule.absent_s * 1e6);
  if (held === true) return (toldUs ?? heardUs) + HELD_FOR_US;
  return rule.repeat_every_s === undefined ? undefined : (toldUs ?? heardUs) + Math.round(rule.repeat_every_s * 1e6);
}

/** It is due, and nothing has come until now. */
export function passTime(
  rule: AbsenceRule,
  device: string,
  before: AbsenceState & Told,
  dueUs: number,
  nowUs: number,
): AbsenceEvaluation {
  const isTold = before.raised && before.held !== true;
  const everyUs = before.held === true ? HELD_FOR_US : Math.round((rule.repeat_every_s ?? Infinity) * 1e6);
  // What nobody was there to repeat is not made up for.
  const atUs = before.raised ? dueUs + Math.floor((nowUs - dueUs) / everyUs) * everyUs : dueUs;
  const state = { ...before, raised: true, toldUs: atUs };
  if (!isInForce(rule, device, atUs)) return { state: isTold ? state : { ...state, held: true } };
  const kind = isTold ? 'updated' : 'raised';
  return {
    state: { ...state, held: undefined },
    transition: describe(rule, device, kind, state, before.heardUs, atUs),
  };
}

function describe(
  rule: AbsenceRule,
  device: string,
  kind: 'raised' | 'updated' | 'cleared',
  { last }: AbsenceState,
  silentSinceUs: number | undefined,
  atUs: number,
): RuleTransition {
  const evidence: Evidence = {
    rule_version: rule.version,
    limit: rule.absent_s,
    ...(silentSinceUs !== undefined && { measure: (atUs - silentSinceUs) / 1e6 }),
    readings: last === undefined ? [] : [{ device, metric: last.metric, time_us: last.timeUs, value: last.value }],
  };
  return { kind, atUs, severity: rule.severity, evidence };
}
