import { ruleSchema, type Rule } from '../../../core/detection/rule.ts';

export const PROBE_METRIC = 'probe';
export const PROBE_LIMIT = 10;

/** Each reading of a probe changes its state, so that each has to cause one transition. */
export const PROBE_RULE: Rule = ruleSchema.parse({
  kind: 'threshold',
  id: 'chaos-probe',
  version: 1,
  scope: { metrics: [PROBE_METRIC] },
  severity: 'Severe',
  status: 'Test',
  headline: 'A probe has gone above its limit',
  when: 'above',
  limit: PROBE_LIMIT,
  clear_limit: PROBE_LIMIT,
});
