import { z } from 'zod';
import { parseDeviceId, parseDeviceKeyId, type DeviceId, type DeviceKeyId } from '../core/identity/ids.ts';

/** What a device sends to enrol, and what every request to change the registry is answered. */

const branded = <T extends string>(parse: (text: string) => T | undefined, message: string) =>
  z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue(message);
    return z.NEVER;
  });

export const deviceIdSchema = branded<DeviceId>(
  parseDeviceId,
  'letters, digits and : . _ -, at most 128, a letter or digit first',
);
export const deviceKeyIdSchema = branded<DeviceKeyId>(parseDeviceKeyId, 'letters, digits, _ and -, at most 32');
/** Unix seconds. */
const secondsSchema = z.int().min(0);
/** r and s, 64 bytes. */
const signatureSchema = z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'r and s, 64 bytes, base64url');
/** Judged by what reads it: an unusable key is a problem of its own. */
const publicKeySchema = z.string().max(1024);

const newKeyMembers = { key_id: deviceKeyIdSchema, public_key: publicKeySchema, signature: signatureSchema };

export const enrolmentRequestSchema = z.strictObject({
  /** Judged by what reads it: a text that is no token is one that nobody knows. */
  token: z.string().max(1024),
  device_id: deviceIdSchema,
  created: secondsSchema,
  ...newKeyMembers,
});
export type EnrolmentRequest = z.output<typeof enrolmentRequestSchema>;

/** A request to the registry is a few hundred bytes. */
export const MAX_REQUEST_BYTES = 4096;
export const REQUEST_MEDIA_TYPE = 'application/json';

export const keyRequestSchema = z.strictObject({
  ...newKeyMembers,
  not_before: secondsSchema.nullable().default(null),
  not_after: secondsSchema.nullable().default(null),
});
export type KeyRequest = z.output<typeof keyRequestSchema>;
