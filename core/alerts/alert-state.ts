import { alertIdOf, type TransitionKind } from './alert.ts';

/** Where in the log the cause of a transition lies: entry id and position in it. Causes of one subject are in one shard, so they have an order. */
export interface Cause {
  readonly entryMs: number;
  readonly entrySeq: number;
  readonly index: number;
}

/** State of an alert's identity (rule, subject) over all its lives. */
export interface AlertState {
  readonly alertId: string;
  readonly version: number;
  readonly active: boolean;
  /** An operator took it back: what it was about may go on. */
  readonly cancelled?: boolean | undefined;
  readonly cause: Cause;
}

export interface NextTransition {
  readonly alertId: string;
  readonly version: number;
  readonly state: AlertState;
}

/**
 *              raised                    updated
 *   (none) ─────────────▶ active ◀──────────────────┐
 *                          │  └──────────────────────┘
 *                          │ cleared, cancelled
 *                          ▼
 *                        ended ──── raised: a new life, version 1 ────▶ active
 *
 * Undefined when the transition has no place: its cause was used already (a replay of the log after a crash), or the alert
 * is not in a state that it can follow.
 */
export function decideTransition(
  identity: { readonly rule: string; readonly subject: string },
  before: AlertState | undefined,
  kind: TransitionKind,
  cause: Cause,
): NextTransition | undefined {
  if (before !== undefined && compareCauses(cause, before.cause) <= 0) return undefined;
  const active = before?.active ?? false;
  if (kind === 'raised') {
    if (active) return undefined;
    const { entryMs, entrySeq, index } = cause;
    const alertId = alertIdOf(identity.rule, identity.subject, `${entryMs}-${entrySeq}-${index}`);
    return { alertId, version: 1, state: { alertId, version: 1, active: true, cause } };
  }
  if (before === undefined || !active) return undefined;
  const version = before.version + 1;
  return {
    alertId: before.alertId,
    version,
    state: { alertId: before.alertId, version, active: kind === 'updated', cause },
  };
}

/**
 * What an operator does to an active alert. It has no cause in the log: what detection finds next has its place behind it.
 * Undefined when the alert is over.
 */
export function decideByOperator(
  before: AlertState | undefined,
  kind: 'updated' | 'cancelled',
): NextTransition | undefined {
  if (before?.active !== true) return undefined;
  const version = before.version + 1;
  const { alertId, cause } = before;
  const state = { alertId, version, cause };
  return {
    alertId,
    version,
    state: kind === 'updated' ? { ...state, active: true } : { ...state, active: false, cancelled: true },
  };
}

function compareCauses(a: Cause, b: Cause): number {
  return a.entryMs - b.entryMs || a.entrySeq - b.entrySeq || a.index - b.index;
}
