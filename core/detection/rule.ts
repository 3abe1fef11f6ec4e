import { z } from 'zod';
import { capStatusSchema, severitySchema } from '../alerts/alert.ts';

const ruleId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower case letters, digits and hyphens');
const metricName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'not a metric name');

/** Which readings a rule sees: those of its metrics, from all devices or from the devices and zones named. */
const scopeSchema = z.strictObject({
  metrics: z.array(metricName).min(1).max(16),
  devices: z.array(z.string()).optional(),
  zones: z.array(z.string()).optional(),
});

const everyRule = {
  id: ruleId,
  version: z.int().positive(),
  enabled: z.boolean().default(true),
  scope: scopeSchema,
  severity: severitySchema,
  status: capStatusSchema.default('Actual'),
  headline: z.string().min(1).max(160),
};

const limits = {
  /** `beyond`: the absolute value is above the limit, for quantities that swing around zero. */
  when: z.enum(['above', 'below', 'beyond']),
  limit: z.number(),
  /** Hysteresis: the alert clears on this side of the limit only. */
  clear_limit: z.number(),
  /** The condition must hold this long before the alert is raised, in event time. */
  duration_s: z.number().nonnegative().default(0),
  /** Every metric that alarmed must stay within the clear limit this long before the alert is cleared, in event time. */
  clear_after_s: z.number().nonnegative().default(0),
};

const clearLimitFits = ({
  when,
  limit,
  clear_limit: clearLimit,
}: {
  when: string;
  limit: number;
  clear_limit: number;
}) => (when === 'below' ? clearLimit >= limit : clearLimit <= limit);
const clearLimitIssue = { path: ['clear_limit'], message: 'the clear limit must not lie beyond the limit' };

/** Limits of the values, in the unit of the metric. */
const thresholdRuleSchema = z
  .strictObject({ kind: z.literal('threshold'), ...everyRule, ...limits })
  .refine(clearLimitFits, clearLimitIssue);
export type ThresholdRule = z.infer<typeof thresholdRuleSchema>;

/** Limits of the change per second, in the unit of the metric per second. */
const rateRuleSchema = z
  .strictObject({
    kind: z.literal('rate'),
    ...everyRule,
    ...limits,
    /** The change is measured over at least this long and at most twice as long, in event time. */
    over_s: z.number().min(0.1).max(86_400),
  })
  .refine(clearLimitFits, clearLimitIssue);
export type RateRule = z.infer<typeof rateRuleSchema>;

export const ruleSchema = z.discriminatedUnion('kind', [thresholdRuleSchema, rateRuleSchema]);
export type Rule = z.infer<typeof ruleSchema>;
