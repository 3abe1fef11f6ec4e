import { z } from 'zod';
import { severitySchema } from '../alerts/alert.ts';
import {
  deviceScopeSchema,
  holding,
  limits,
  ofAll,
  ofDevice,
  ofReadings,
  ruleId,
  withFittingLimits,
  zoneId,
} from './rule-parts.ts';

/** Limits of the values, in the unit of the metric. */
const thresholdRuleSchema = withFittingLimits(
  z.strictObject({ kind: z.literal('threshold'), ...ofReadings, ...limits }),
);
export type ThresholdRule = z.infer<typeof thresholdRuleSchema>;

/** Limits of the change per second, in the unit of the metric per second. */
const rateRuleSchema = withFittingLimits(
  z.strictObject({
    kind: z.literal('rate'),
    ...ofReadings,
    ...limits,
    /** The change is measured over at least this long and at most twice as long, in event time. */
    over_s: z.number().min(0.1).max(86_400),
  }),
);
export type RateRule = z.infer<typeof rateRuleSchema>;

/**
 * Limits of how far a metric, or the magnitude of the vector of several, is from what it was: `sta_lta` compares the mean
 * energy of a short window with that of a long one, `z_score` the value with its moving mean, in standard deviations.
 */
const deviationRuleSchema = withFittingLimits(
  z.strictObject({
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
  }),
)
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

/** No reading of any of the metrics has come for a time, by the clock of the platform, from a device that was heard before. */
const absenceRuleSchema = z.strictObject({
  kind: z.literal('absence'),
  ...ofDevice,
  scope: ofReadings.scope,
  absent_s: z.number().min(1).max(2_592_000),
});
export type AbsenceRule = z.infer<typeof absenceRuleSchema>;

/** A device reports that it is in a zone, or that it is not. */
const geofenceRuleSchema = z.strictObject({
  kind: z.literal('geofence'),
  ...ofDevice,
  ...holding,
  scope: deviceScopeSchema.default({}),
  zone: zoneId,
  when: z.enum(['inside', 'outside']),
});
export type GeofenceRule = z.infer<typeof geofenceRuleSchema>;

/** Rules about one device, evaluated where its readings are. */
export const deviceRuleSchema = z.discriminatedUnion('kind', [
  thresholdRuleSchema,
  rateRuleSchema,
  deviationRuleSchema,
  absenceRuleSchema,
  geofenceRuleSchema,
]);
export type DeviceRule = z.infer<typeof deviceRuleSchema>;

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
  ...ofAll,
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
  /** Other severities, from amplitudes that half of k devices have reached. */
  levels: z
    .array(z.strictObject({ severity: severitySchema, peak: z.number().positive() }))
    .max(5)
    .default([]),
  /** The alert clears this long after the last device that triggered. */
  clear_after_s: z.number().positive().max(86_400).default(60),
  /** A device with more triggers that led to no alert within this time has no vote. */
  quarantine: z
    .strictObject({ triggers: z.int().min(1).max(100), within_s: z.number().positive().max(604_800) })
    .default({ triggers: 5, within_s: 600 }),
});
export type QuorumRule = z.infer<typeof quorumRuleSchema>;

export const ruleSchema = z.discriminatedUnion('kind', [deviceRuleSchema, quorumRuleSchema]);
export type Rule = z.infer<typeof ruleSchema>;
