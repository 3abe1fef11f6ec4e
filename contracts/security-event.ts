import { z } from 'zod';
import { parseDeviceId } from '../core/identity/ids.ts';
import { PROBLEM_CODES } from './problem.ts';

/**
 * What happens to the platform's safety and not to the ground. In the stream: one field, `event`. Nothing in an event can
 * hold a secret or bytes that somebody sent: names are of a known form, everything else is a word of ours or a number.
 */
export const SECURITY_EVENT_FIELD = 'event';

/** The stream keeps about this many; the table keeps what the worker has stored. */
export const MAX_SECURITY_EVENTS = 100_000;

export const securityEventKindSchema = z.enum([
  /** An address, or a device at one address, is refused for a time. */
  'source-blocked',
  /** Such a time is over, or was ended. */
  'source-unblocked',
  /** API keys that are unknown, wrong, expired or revoked. */
  'api-key-unknown',
  /** An envelope whose proof does not hold. */
  'bad-signature',
  /** What came was no envelope at all. */
  'malformed-envelope',
  /** An envelope that was accepted before came again. */
  'replay',
  /** Something was signed with a key that is revoked. */
  'key-revoked',
  /** A fixed device says that it stands somewhere else. */
  'position-moved',
  /** Somebody with access to the registry blocked a network, or ended its block. */
  'operator-blocked',
  'operator-unblocked',
]);
export type SecurityEventKind = z.infer<typeof securityEventKindSchema>;

/** An IPv4 address, an IPv6 address or a network. */
const addressSchema = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

export const securityEventSchema = z.object({
  /** Given by whoever reports: what is delivered twice is stored once. */
  id: z.uuid(),
  /** When it happened or, of several that are reported as one, the last of them; Unix milliseconds. */
  at_ms: z.int().min(0).max(8.64e15),
  kind: securityEventKindSchema,
  /** The device that it is about; null when nobody knows which. */
  device: z
    .string()
    .refine((text) => parseDeviceId(text) !== undefined)
    .nullable(),
  /** Where it came from; null when the way in hides it (MQTT). */
  address: addressSchema.nullable(),
  /** What the sender was told; null when nobody was told anything. */
  code: z.enum(PROBLEM_CODES).nullable(),
  /** Who reports it: `ingest`, `worker`, `operator`. */
  actor: z.enum(['ingest', 'worker', 'operator']),
  /** `count` of what is reported as one, and what else can be counted or measured: `seconds`, `distance_m`. */
  detail: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), z.number()),
});
export type SecurityEvent = z.infer<typeof securityEventSchema>;

export const encodeSecurityEvent = (event: SecurityEvent): string => JSON.stringify(event);

/** Undefined for what is no event. */
export function parseSecurityEvent(json: string): SecurityEvent | undefined {
  try {
    const parsed = securityEventSchema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
