import type { Transition } from '../../contracts/alert-transition.ts';
import type { TransitionRequest } from '../../platform/redis/alert-log/alert-log.ts';

/** What detection asks the log of alerts for; `at` orders the causes. */
export function transitionRequest(
  kind: TransitionRequest['transition']['kind'],
  at: number,
  changes: Partial<TransitionRequest['transition']> = {},
): TransitionRequest {
  return {
    cause: { entryMs: 1_795_250_000_000, entrySeq: at, index: 0 },
    transition: {
      rule: 'strong-motion',
      rule_kind: 'threshold',
      subject: 'dev-1',
      kind,
      severity: 'Severe',
      status: 'Test',
      headline: 'Strong motion',
      at_us: 1_795_250_000_000_000 + at,
      actor: 'detection',
      position: { lat: 47.5, lon: 19.04 },
      zones: ['budapest'],
      evidence: {
        rule_version: 1,
        limit: 10,
        readings: [{ device: 'dev-1', metric: 'x', time_us: 1_795_250_000_000_000 + at, value: 10.5 }],
      },
      ...changes,
    },
  };
}

/** A transition as it went out. */
export function createTransition(
  kind: Transition['kind'],
  { rule, alert, version, atUs }: { rule: string; alert: number; version: number; atUs: number },
): Transition {
  const { transition } = transitionRequest(kind, 0, { rule, at_us: atUs });
  const alertId = `00000000-0000-4000-8000-${String(alert).padStart(12, '0')}`;
  return { ...transition, alert_id: alertId, version, decided_us: atUs };
}
