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

/** What every rule has that looks at readings of one device. */
const ofReadings = {
  id: ruleId,
  version: z.int().positive(),
  enabled: z.boolean().default(true),
  scope: scopeSchema,
  severity: severitySchema,
  status: capStatusSchema.default('Actual'),
  headline: z.string().min(1).max(160),
  /** `trigger`: nobody is alerted; what the rule finds is a vote in quorums. */
  emits: z.enum(['alert', 'trigger']).default('alert'),
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
  .strictObject({ kind: z.literal('threshold'), ...ofReadings, ...limits })
  .refine(clearLimitFits, clearLimitIssue);
export type ThresholdRule = z.infer<typeof thresholdRuleSchema>;

/** Limits of the change per second, in the unit of the metric per second. */
const rateRuleSchema = z
  .strictObject({
    kind: z.literal('rate'),
    ...ofReadings,
    ...limits,
    /** The change is measured over at least this long and at most twice as long, in event time. */
    over_s: z.number().min(0.1).max(86_400),
  })
  .refine(clearLimitFits, clearLimitIssue);
export type RateRule = z.infer<typeof rateRuleSchema>;

/**
 * Limits of how far a metric, or the magnitude of the vector of several, is from what it was: `sta_lta` compares the mean
 * energy of a short window with that of a long one, `z_score` the value with its moving mean, in standard deviations.
 */
const deviationRuleSchema = z
  .strictObject({
    kind: z.literal('deviation'),
    ...ofReadings,
    ...limits,
    when: limits.when.default('above'),
    measure: z.enum(['sta_lta', 'z_score']),
    /** Time constant of the short window, of `sta_lta` alone. */
    short_s: z.number().min(0.01).max(3600).optional(),
    /** Time constant of what is compared with. As long after the first reading there is no measure. */
    long_s: z.number().min(0.1).max(604_800),
    /** Slower changes are no part of the input: a high-pass of second order. */
    highpass_hz: z.number().positive().max(1000).optional(),
    /** Noise below it counts as this much, in the unit of the metrics: what is very quiet must not be sensitive without end. */
    noise_floor: z.number().positive(),
    /** A burst that is shorter, such as an electric spike, does not reach the limit, of `sta_lta` alone. */
    spike_s: z.number().nonnegative().max(60).default(0),
  })
  .refine(clearLimitFits, clearLimitIssue)
  .refine(({ measure, short_s: shortS }) => (measure === 'sta_lta') === (shortS !== undefined), {
    path: ['short_s'],
    message: 'sta_lta has a short window, z_score has none',
  })
  .refine(({ short_s: shortS, long_s: longS }) => shortS === undefined || shortS < longS, {
    path: ['long_s'],
    message: 'the long window must be longer than the short one',
  })
  .refine(({ spike_s: spikeS, short_s: shortS = 0 }) => spikeS === 0 || spikeS < shortS, {
    path: ['spike_s'],
    message: 'a spike must be shorter than the short window',
  })
  .refine(({ measure, when }) => measure !== 'sta_lta' || when === 'above', {
    path: ['when'],
    message: 'a ratio of energies is above its limit or not',
  });
export type DeviationRule = z.infer<typeof deviationRuleSchema>;

/** Rules that look at the readings of one device. */
export const readingRuleSchema = z.discriminatedUnion('kind', [
  thresholdRuleSchema,
  rateRuleSchema,
  deviationRuleSchema,
]);
export type ReadingRule = z.infer<typeof readingRuleSchema>;

const waveSchema = z
  .strictObject({
    fast_m_s: z.number().positive(),
    slow_m_s: z.number().positive(),
    depths_m: z.array(z.number().nonnegative()).min(1).max(5).default([10_000]),
  })
  .refine(({ fast_m_s: fast, slow_m_s: slow }) => slow <= fast, {
    path: ['slow_m_s'],
    message: 'the slow wave must not be faster than the fast one',
  });

/**
 * At least k distinct healthy devices trigger within a window, once per site and per owner, and at least a fraction of those that
 * should have heard it.
 */
export const quorumRuleSchema = z.strictObject({
  kind: z.literal('quorum'),
  id: ruleId,
  version: z.int().positive(),
  enabled: z.boolean().default(true),
  /** Rules that emit triggers. */
  triggers: z.array(ruleId).min(1).max(16),
  k: z.int().min(2).max(100),
  /** Of the devices that should have heard it. */
  fraction: z.number().min(0).max(1).default(0),
  /** Votes are at most this far from where it began; without a wave, from the first of them. */
  within_m: z.number().positive().max(2_000_000),
  /** Between two votes, beside the time that the wave takes from one to the other. */
  window_s: z.number().nonnegative().max(86_400),
  clock_uncertainty_s: z.number().nonnegative().max(60).default(0.1),
  /** Without one what is looked for is everywhere at once, and has no origin. */
  wave: waveSchema.optional(),
  severity: severitySchema,
  /** Other severities, from amplitudes that half of k devices have reached. */
  levels: z
    .array(z.strictObject({ severity: severitySchema, peak: z.number().positive() }))
    .max(5)
    .default([]),
  status: capStatusSchema.default('Actual'),
  headline: z.string().min(1).max(160),
  /** The alert clears this long after the last device that triggered. */
  clear_after_s: z.number().positive().max(86_400).default(60),
  /** A device with more triggers that led to no alert within this time has no vote. */
  quarantine: z
    .strictObject({ triggers: z.int().min(1).max(100), within_s: z.number().positive().max(604_800) })
    .default({ triggers: 5, within_s: 600 }),
});
export type QuorumRule = z.infer<typeof quorumRuleSchema>;

export const ruleSchema = z.discriminatedUnion('kind', [readingRuleSchema, quorumRuleSchema]);
export type Rule = z.infer<typeof ruleSchema>;
