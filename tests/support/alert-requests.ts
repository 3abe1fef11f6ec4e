import type { TransitionRequest } from '../../services/worker/alerts/alert-log.ts';

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
