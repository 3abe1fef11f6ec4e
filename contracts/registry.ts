import { z } from 'zod';
import { capStatusSchema } from '../core/alerts/alert.ts';
import { ruleSchema, type Rule } from '../core/detection/rule.ts';

/** The projection of the registry in Redis, JSON in the hashes that contracts/redis-keys.ts names. Times are Unix milliseconds. */

const validity = {
  not_before_ms: z.int().nullable(),
  not_after_ms: z.int().nullable(),
  revoked_at_ms: z.int().nullable(),
};

const deviceKeySchema = z.object({
  /** Uncompressed SEC 1 point, 65 bytes, base64url. */
  public_key: z.string(),
  /** RFC 7638. */
  thumbprint: z.string(),
  ...validity,
});
export type DeviceKeyRecord = z.infer<typeof deviceKeySchema>;

/** A Map, because a key named like a property of Object must be no member unless it was given. */
const mapOf = <T extends z.ZodType>(item: T) =>
  z.record(z.string(), item).transform((record) => new Map<string, z.output<T>>(Object.entries(record)));

const deviceSchema = z.object({
  id: z.string(),
  class: z.string(),
  disabled: z.boolean(),
  site: z.string().nullable(),
  owner: z.string().nullable(),
  position: z.object({ lat: z.number(), lon: z.number(), alt_m: z.number().nullable() }).nullable(),
  zones: z.array(z.string()),
  tags: z.array(z.string()).default([]),
  /** What alerts about it are at most. */
  status: capStatusSchema.default('Actual'),
  /** By key id. */
  keys: mapOf(deviceKeySchema),
  /** Metric name to its unit, null when the device names none. */
  metrics: mapOf(z.string().nullable()),
});
export type DeviceRecord = z.output<typeof deviceSchema>;
/** As it is written. */
export type DeviceRecordJson = z.input<typeof deviceSchema>;

const apiKeySchema = z.object({
  device: z.string(),
  /** SHA-256 of the whole key text, base64url. */
  hash: z.string(),
  ...validity,
});
export type ApiKeyRecord = z.infer<typeof apiKeySchema>;

const enrolmentTokenSchema = z.object({
  /** The only device that it lets in; null for any. */
  device: z.string().nullable(),
  expires_at_ms: z.int(),
});
export type EnrolmentTokenRecord = z.infer<typeof enrolmentTokenSchema>;

const ipBlockSchema = z.object({
  /** Null for one without an end. */
  expires_at_ms: z.int().nullable(),
});
export type IpBlockRecord = z.infer<typeof ipBlockSchema>;

const zoneSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** GeoJSON MultiPolygon, lon before lat. */
  area: z.unknown(),
});
export type ZoneRecord = z.infer<typeof zoneSchema>;

function parseWith<T>(schema: z.ZodType<T>, json: string): T {
  return schema.parse(JSON.parse(json));
}

/** Undefined for none. */
export function parseZoneRecord(json: string | null): ZoneRecord | undefined {
  return json === null ? undefined : parseWith(zoneSchema, json);
}

export const parseDeviceRecord = (json: string): DeviceRecord => parseWith(deviceSchema, json);
export const parseApiKeyRecord = (json: string): ApiKeyRecord => parseWith(apiKeySchema, json);
export const parseEnrolmentTokenRecord = (json: string): EnrolmentTokenRecord => parseWith(enrolmentTokenSchema, json);
export const parseIpBlockRecord = (json: string): IpBlockRecord => parseWith(ipBlockSchema, json);
export const parseRuleRecord = (json: string): Rule => parseWith(ruleSchema, json);
