import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';

/** CAP 1.2 severities, worst first. */
export const severitySchema = z.enum(['Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown']);
export type Severity = z.infer<typeof severitySchema>;

/** CAP 1.2 status: only `Actual` asks people to act. */
export const capStatusSchema = z.enum(['Actual', 'Exercise', 'Test']);
export type CapStatus = z.infer<typeof capStatusSchema>;

/** Most serious first. */
const STATUSES: readonly CapStatus[] = ['Actual', 'Exercise', 'Test'];

/** What an alert is when several things say what it may be: an exercise on one side is an exercise. */
export function leastSerious(...statuses: readonly CapStatus[]): CapStatus {
  return STATUSES[Math.max(0, ...statuses.map((status) => STATUSES.indexOf(status)))] ?? 'Actual';
}

/** The most serious that so many agree on: a few test devices among many make no test of an alert. */
export function statusOfMany(statuses: readonly CapStatus[], enough: number): CapStatus {
  const found = STATUSES.find(
    (_, rank) => statuses.filter((status) => STATUSES.indexOf(status) <= rank).length >= enough,
  );
  return found ?? 'Test';
}

export const transitionKindSchema = z.enum(['raised', 'updated', 'cleared', 'cancelled']);
export type TransitionKind = z.infer<typeof transitionKindSchema>;

/** A reading that convinced a rule. */
export const evidenceReadingSchema = z.object({
  device: z.string(),
  metric: z.string(),
  time_us: z.int(),
  value: z.number(),
});

const originSchema = z.object({
  lat: z.number(),
  lon: z.number(),
  depth_m: z.number(),
  time_us: z.int(),
  /** Standard deviation of the position, metres. */
  error_m: z.number(),
});

export const evidenceSchema = z.object({
  rule_version: z.int(),
  /** Where there is one. */
  limit: z.number().optional(),
  /** That a geofence is about. */
  zone: z.string().optional(),
  /** What was compared with the limit, where that is not the value of a reading. */
  measure: z.number().optional(),
  /** Of the devices that should have heard it, those that did. */
  fraction: z.number().optional(),
  /** Where and when it began, as far as arrivals tell. */
  origin: originSchema.optional(),
  readings: z.array(evidenceReadingSchema),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/**
 * The identity of one life of an alert: a version 8 UUID (RFC 9562) made from rule, subject and the log entry that
 * raised it, so that evaluating the same entry again names the same alert.
 */
export function alertIdOf(ruleId: string, subject: string, raisedBy: string): string {
  const hash = bytesToHex(sha256(utf8ToBytes(JSON.stringify([ruleId, subject, raisedBy]))));
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
