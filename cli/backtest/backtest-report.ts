import type { Severity } from '../../core/alerts/alert.ts';
import { leastSerious, type CapStatus, type Evidence } from '../../core/alerts/alert.ts';
import type { RunDevice, RunTransition } from '../../core/detection/detection-run.ts';
import { formatTable } from '../output/table.ts';

/** One line of the result; times are ISO 8601. */
export interface BacktestTransition {
  /** Event time. */
  readonly at: string;
  /** When the platform would have said it. */
  readonly decided_at: string;
  readonly kind: string;
  readonly rule: string;
  readonly rule_kind: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly status: CapStatus;
  readonly position: { readonly lat: number; readonly lon: number } | null;
  readonly evidence: Evidence;
}

/** Undefined for what is a vote alone: a trigger alerts nobody. */
export function describeTransition(
  { of, nowUs, rule, ...rest }: RunTransition,
  devices: ReadonlyMap<string, RunDevice>,
): BacktestTransition | undefined {
  if ('emits' in rule && rule.emits === 'trigger') return undefined;
  const { transition } = rest;
  const { kind, atUs, severity, evidence } = transition;
  const device = 'device' in rest ? devices.get(rest.device) : undefined;
  const position = transition.position ?? device?.position;
  return {
    at: isoTime(atUs),
    decided_at: isoTime(nowUs),
    kind,
    rule: rule.id,
    rule_kind: rule.kind,
    subject: 'device' in rest ? rest.device : rest.transition.subject,
    severity,
    status:
      of === 'quorum' && 'status' in transition
        ? transition.status
        : leastSerious(rule.status, device?.status ?? 'Actual'),
    position: position === undefined ? null : { lat: position.lat, lon: position.lon },
    evidence,
  };
}

const HEADS = ['time', 'after', 'what', 'severity', 'rule', 'subject', 'why'] as const;

/** A table for people. */
export function formatTransitions(transitions: readonly BacktestTransition[]): readonly string[] {
  const rows = transitions.map(({ at, decided_at: decidedAt, kind, severity, rule, subject, evidence }) => [
    at,
    `${((Date.parse(decidedAt) - Date.parse(at)) / 1000).toFixed(1)} s`,
    kind,
    severity,
    rule,
    subject,
    explain(evidence),
  ]);
  return formatTable(HEADS, rows);
}

function explain({ limit, measure, zone, origin, readings }: Evidence): string {
  const last = readings.at(-1);
  const parts = [
    ...(last === undefined ? [] : [`${last.metric} ${round(last.value)}`]),
    ...(measure === undefined ? [] : [`measure ${round(measure)}`]),
    ...(limit === undefined ? [] : [`limit ${round(limit)}`]),
    ...(zone === undefined ? [] : [`zone ${zone}`]),
    ...(origin === undefined ? [] : [`from ${origin.lat.toFixed(2)}, ${origin.lon.toFixed(2)}`]),
  ];
  return parts.join(', ');
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function isoTime(unixUs: number): string {
  return new Date(Math.floor(unixUs / 1000)).toISOString();
}
