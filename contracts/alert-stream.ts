import { z } from 'zod';
import { alertFiltersSchema, DEFAULT_FILTERS } from '../core/alerts/alert-filter.ts';
import { transitionSchema } from './alert-transition.ts';
import { parseCursor } from './cursor.ts';

/**
 * Messages of `/ws/alerts`, as JSON text; docs/asyncapi.json describes them for others. A member that a client does not know
 * is none of its business: new ones come without a new version.
 */
export const SUBPROTOCOL = 'telltale.v1';
/** Before a token among the subprotocols that a client offers: a browser can send one in no other header. */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.';

const cursor = z
  .string()
  .refine((text) => parseCursor(text) !== undefined, 'must be a cursor, such as 1795250000000-0');
/** Names one history of the stream: cursors of another one mean nothing. */
const epoch = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an epoch');
const place = z.object({ epoch, cursor });
/** Where a client stands: it has everything up to here. */
export type Place = z.infer<typeof place>;

const LONGEST_TOKEN = 8192;

export const clientMessageSchema = z.discriminatedUnion('type', [
  /** Also of a socket that has a token: a new one goes on where the old one ends. */
  z.strictObject({ type: z.literal('authenticate'), token: z.string().min(1).max(LONGEST_TOKEN) }),
  /** The whole set, in place of the one before. With `resume`, what was missed comes first. */
  z.strictObject({
    type: z.literal('subscribe'),
    filters: alertFiltersSchema.default([...DEFAULT_FILTERS]),
    resume: place.optional(),
  }),
  z.strictObject({ type: z.literal('resume'), ...place.shape }),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

export const CLIENT_MESSAGE_TYPES: readonly string[] = ['authenticate', 'subscribe', 'resume'];

/** One transition. `filter` tells that an alert has come into what the client asked for, or has gone out of it. */
export const alertMessageSchema = transitionSchema.extend({
  type: z.literal('alert'),
  epoch,
  cursor,
  filter: z.enum(['enter', 'leave']).optional(),
});
export type AlertMessage = z.infer<typeof alertMessageSchema>;

export const gapReasonSchema = z.enum([
  /** What came after the cursor is no longer kept. */
  'too-old',
  /** The stream has never been there. */
  'beyond-end',
  /** The cursor is of another history. */
  'other-epoch',
  /** The stream has lost its end, or all of it, while the client was connected. */
  'log-lost',
]);
export type GapReason = z.infer<typeof gapReasonSchema>;

export const errorCodeSchema = z.enum([
  'invalid-message',
  'unknown-type',
  'not-text',
  'not-json',
  'message-too-large',
  'too-many-messages',
  'unauthorized',
  'token-expired',
  'too-many-connections',
  'internal-error',
]);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    ...place.shape,
    /** Seconds between two heartbeats: a client that hears nothing for twice as long has no connection. */
    heartbeat_s: z.number().positive(),
    /** Wait a random time below this; each time that it fails twice as long, up to the longest. */
    reconnect: z.object({ min_ms: z.number().nonnegative(), max_ms: z.number().positive() }),
    /** Whether a token has to come first. */
    token_required: z.boolean(),
  }),
  z.object({
    type: z.literal('authenticated'),
    account: z.string(),
    expires_at: z.iso.datetime(),
    /** The same for a client whose clock is wrong: from now on, by the server's. */
    expires_in_s: z.number(),
  }),
  /** What the client asked for is set. Alerts come from behind this cursor on. */
  z.object({ type: z.literal('subscribed'), ...place.shape }),
  /** Everything that was missed has been sent; from here on alerts come as they are decided. */
  z.object({ type: z.literal('live'), ...place.shape }),
  alertMessageSchema,
  /** Transitions may be missing: alerts come from behind this cursor on, and `GET /v1/alerts/active` tells what is active. */
  z.object({ type: z.literal('gap'), reason: gapReasonSchema, ...place.shape }),
  z.object({
    type: z.literal('heartbeat'),
    ...place.shape,
    /** False while the server itself does not hear what is decided. */
    live: z.boolean(),
  }),
  /** The server is about to end this connection. */
  z.object({ type: z.literal('reconnect'), after_ms: z.number().nonnegative() }),
  z.object({ type: z.literal('error'), code: errorCodeSchema, detail: z.string() }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** `GET /v1/alerts/active`. */
export const activeAlertsSchema = z.object({ ...place.shape, alerts: z.array(transitionSchema) });

export const closeCodes = {
  invalidPayload: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
} as const;
