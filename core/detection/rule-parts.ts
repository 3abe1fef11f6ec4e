/** What rules of several kinds have in common. */
import { z } from 'zod';
import { capStatusSchema, severitySchema } from '../alerts/alert.ts';
import { LATE_AFTER_US } from '../telemetry/reading.ts';
import { muteSchema, scheduleSchema } from './in-force.ts';

export const ruleId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower case letters, digits and hyphens');
const metricName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'not a metric name');
export const zoneId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower case letters, digits and hyphens');

/** Which devices a rule is for: all, or those that are named, in a zone or have a tag, as each of the lists wants it. */
const whose = {
  devices: z.array(z.string()).optional(),
  zones: z.array(z.string()).optional(),
  tags: z.array(z.string()).optional(),
};
const scopeSchema = z.strictObject({ metrics: z.array(metricName).min(1).max(16), ...whose });
export const deviceScopeSchema = z.strictObject(whose);

/** Texts and codes of CAP 1.2 for the messages of a rule's alerts. */
const capSchema = z.strictObject({
  category: z.enum(['Geo', 'Met', 'Safety', 'Fire', 'Env', 'Infra', 'Other']).default('Other'),
  event: z.string().min(1).max(160).optional(),
  response_type: z
    .enum(['Shelter', 'Evacuate', 'Prepare', 'Execute', 'Avoid', 'Monitor', 'Assess', 'None'])
    .default('Monitor'),
  description: z.string().max(4000).optional(),
  instruction: z.string().max(4000).optional(),
  expires_after_s: z.number().positive().max(604_800).default(3600),
  /** Of the area around the alert's position. */
  radius_m: z.number().positive().max(2_000_000).optional(),
});

/** What every rule has. */
export const ofAll = {
  id: ruleId,
  version: z.int().positive(),
  enabled: z.boolean().default(true),
  severity: severitySchema,
  status: capStatusSchema.default('Actual'),
  headline: z.string().min(1).max(160),
  schedule: scheduleSchema.optional(),
  mutes: z.array(muteSchema).max(100, 'at most 100: end some with unmute, or name several devices in one').default([]),
  cap: capSchema.optional(),
};

/** What rules about one device have. */
export const ofDevice = {
  ...ofAll,
  /** `trigger`: nobody is alerted; what the rule finds is a vote in quorums. */
  emits: z.enum(['alert', 'trigger']).default('alert'),
  /** While an alert is active people are told of it again whenever this long has passed. */
  repeat_every_s: z.number().min(1).max(604_800).optional(),
};

const flappingSchema = z.strictObject({
  raises: z.int().min(2).max(20),
  within_s: z.number().positive().max(604_800),
});

/** What rules have whose condition comes and goes with readings. */
export const holding = {
  /** The condition must hold this long before the alert is raised, in event time. */
  duration_s: z.number().nonnegative().default(0),
  /** Every metric that alarmed must stay within the clear limit this long before the alert is cleared, in event time. */
  clear_after_s: z.number().nonnegative().default(0),
  /** An alert that was raised so many times within this time clears only after as long a quiet. */
  flapping: flappingSchema.optional(),
  /**
   * Readings wait until the device has sent one that is so much newer, or nothing for as long, and are then evaluated in the
   * order of their times. 0: each is evaluated as it comes.
   */
  lateness_s: z
    .number()
    .nonnegative()
    .max(LATE_AFTER_US / 1e6)
    .default(0),
};

/** What rules have that look at numbers. */
export const ofReadings = { ...ofDevice, ...holding, scope: scopeSchema };

const levelLimits = {
  limit: z.number(),
  /** Hysteresis: back on this side of the limit only. */
  clear_limit: z.number(),
};

export const limits = {
  /** `beyond`: the absolute value is above the limit, for quantities that swing around zero. */
  when: z.enum(['above', 'below', 'beyond']),
  ...levelLimits,
  /** Other severities, each with limits of its own. The worst that is reached is told. */
  levels: z
    .array(z.strictObject({ severity: severitySchema, ...levelLimits }))
    .max(4)
    .default([]),
};

interface Limited {
  readonly when: string;
  readonly limit: number;
  readonly clear_limit: number;
  readonly levels: readonly { readonly limit: number; readonly clear_limit: number }[];
}

/** Refines a schema with limits. */
export function withFittingLimits<T extends z.ZodType<Limited>>(schema: T): T {
  return schema.superRefine((rule, context) => {
    const isFarther = (a: number, b: number): boolean => (rule.when === 'below' ? a < b : a > b);
    if (isFarther(rule.clear_limit, rule.limit)) {
      context.addIssue({
        code: 'custom',
        path: ['clear_limit'],
        message: 'the clear limit must not lie beyond the limit',
      });
    }
    for (const [index, level] of rule.levels.entries()) {
      const issue = (member: string, message: string): void =>
        context.addIssue({ code: 'custom', path: ['levels', index, member], message });
      if (isFarther(level.clear_limit, level.limit))
        issue('clear_limit', 'the clear limit must not lie beyond the limit');
      if (isFarther(rule.limit, level.limit)) issue('limit', 'a level begins at the limit of the rule or beyond it');
    }
  });
}
