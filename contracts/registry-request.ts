import { z } from 'zod';
import { deviceIdSchema, deviceKeyIdSchema } from './enrolment.ts';
import type { ProblemCode } from './problem.ts';

/**
 * What ingest asks the worker to change in the registry for a device that has proved itself: entries of a stream, and what
 * became of each of them. Times are Unix milliseconds.
 */
export const REGISTRY_REQUEST_FIELD = 'request';

const newKeySchema = z.object({
  id: deviceKeyIdSchema,
  /** Uncompressed SEC 1 point, 65 bytes, base64url. */
  public_key: z.string().regex(/^[A-Za-z0-9_-]{87}$/),
  /** RFC 7638. */
  thumbprint: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

const sha256Schema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

const common = {
  /** 128 bits that nobody can guess: whoever knows them may ask what became of the request. */
  id: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  received_ms: z.int(),
  device: deviceIdSchema,
};

const enrolmentSchema = z.object({
  kind: z.literal('enrolment'),
  ...common,
  /** SHA-256 of the token's text, base64url. */
  token: sha256Schema,
  key: newKeySchema,
  /** The key's text is known to the device alone: ingest keeps it no longer than its reply takes. */
  api_key: z.object({
    id: z.string().regex(/^[A-Za-z0-9]{12}$/),
    hash: sha256Schema,
    /** As Mosquitto keeps passwords. */
    broker_hash: z
      .string()
      .regex(/^\$7\$[0-9]+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$/)
      .optional(),
  }),
});
export type EnrolmentEntry = z.output<typeof enrolmentSchema>;

const keySchema = z.object({
  kind: z.literal('key'),
  ...common,
  /** The key that vouches for the new one. */
  signed_by: deviceKeyIdSchema,
  key: newKeySchema,
  not_before_ms: z.int().nullable(),
  not_after_ms: z.int().nullable(),
});
export type KeyEntry = z.output<typeof keySchema>;

const registryRequestSchema = z.discriminatedUnion('kind', [enrolmentSchema, keySchema]);
export type RegistryRequest = z.output<typeof registryRequestSchema>;
export type RegistryRequestKind = RegistryRequest['kind'];

/** Refusals that only the database can be sure of. */
export const REQUEST_REFUSALS = [
  'enrolment-token-invalid',
  'device-disabled',
  'key-revoked',
  'device-exists',
  'key-exists',
  'too-many-keys',
] as const satisfies readonly ProblemCode[];
export type RequestRefusal = (typeof REQUEST_REFUSALS)[number];

const requestOutcomeSchema = z.discriminatedUnion('state', [
  /** `version`: once the projection is there, every service knows the change. */
  z.object({ state: z.literal('done'), version: z.string().regex(/^[0-9]+$/) }),
  z.object({ state: z.literal('refused'), code: z.enum(REQUEST_REFUSALS) }),
]);
export type RequestOutcome = z.output<typeof requestOutcomeSchema>;

const requestStateSchema = z.object({
  kind: z.enum(['enrolment', 'key']),
  device: deviceIdSchema,
  key: deviceKeyIdSchema,
  /** Null while the worker has not decided. */
  outcome: requestOutcomeSchema.nullable(),
});
/** Where a request stands, as Redis keeps it for a while. */
export type RequestState = z.output<typeof requestStateSchema>;

export const encodeRegistryRequest = (request: RegistryRequest): string => JSON.stringify(request);
export const encodeRequestState = (state: RequestState): string => JSON.stringify(state);

/** Undefined for what is no request. */
export function parseRegistryRequest(json: string): RegistryRequest | undefined {
  return parseJsonWith(registryRequestSchema, json);
}

/** Undefined for what is no state. */
export function parseRequestState(json: string): RequestState | undefined {
  return parseJsonWith(requestStateSchema, json);
}

export function parseRequestOutcome(value: unknown): RequestOutcome {
  return requestOutcomeSchema.parse(value);
}

function parseJsonWith<T>(schema: z.ZodType<T>, json: string): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

export function stateOf(request: RegistryRequest, outcome: RequestOutcome | null): RequestState {
  return { kind: request.kind, device: request.device, key: request.key.id, outcome };
}

/** How long the state of a request can be asked for. */
export const REQUEST_STATE_KEPT_S = 86_400;
