/**
 * Every outcome but success: one stable code, the same word in the reply, the metric label and the log. The order is the
 * precedence: the first that applies wins.
 */
const PROBLEMS = {
  /** The request is not HTTP as this service reads it: repeated fields, a query string, a bad length. */
  'malformed-request': { status: 400, title: 'Malformed request' },
  'not-found': { status: 404, title: 'No such resource' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'headers-too-large': { status: 431, title: 'Header fields too large' },
  /** More than 262,144 bytes of content. */
  'payload-too-large': { status: 413, title: 'Payload too large' },
  'unsupported-media-type': { status: 415, title: 'Unsupported media type' },
  /** Unknown or wrong API key, or unknown device: one answer for all, so that nobody learns which. */
  unauthorized: { status: 401, title: 'Unauthorized' },
  /** Unknown, used or expired enrolment token, or one for another device: one answer for all. */
  'enrolment-token-invalid': { status: 401, title: 'Enrolment token invalid' },
  /** An operator refuses the network, or too many failures came from the address or from this device at this address. */
  blocked: { status: 403, title: 'Blocked' },
  'device-disabled': { status: 403, title: 'Device disabled' },
  'key-not-yet-valid': { status: 403, title: 'Device key not yet valid' },
  'key-expired': { status: 403, title: 'Device key expired' },
  'key-revoked': { status: 403, title: 'Device key revoked' },
  /** `created` lies outside the freshness window, or `expires` has passed. */
  'timestamp-skew': { status: 403, title: 'Timestamp outside the accepted window' },
  /** A device, an address or everybody together asks too often; `violated-policies` says whose limit it was. */
  'quota-exceeded': { status: 429, title: 'Quota exceeded' },
  /** Digest, covered components, key or signature do not prove the content. */
  'signature-invalid': { status: 401, title: 'Signature invalid' },
  /** The content is not what its media type says. */
  'malformed-body': { status: 400, title: 'Malformed body' },
  /** The content parses and is not an acceptable pack; `errors` says where. */
  'schema-invalid': { status: 422, title: 'Schema invalid' },
  /** The public key that a request brings is not a point on P-256, uncompressed. */
  'key-invalid': { status: 422, title: 'Public key invalid' },
  /** Nobody can move or re-key a device by enrolling it again. */
  'device-exists': { status: 409, title: 'Device exists' },
  /** The key id has been used by this device, or the public key by any device: neither is ever used again. */
  'key-exists': { status: 409, title: 'Key exists' },
  /** The device has two keys that are or will be active: one has to expire or be revoked first. */
  'too-many-keys': { status: 409, title: 'Too many keys' },
  /** The nonce was accepted before: a device that lost its 202 treats the pack as delivered. */
  'replay-detected': { status: 409, title: 'Replay detected' },
  /** The nonce lies below the replay window, or the log is younger than the envelope: not stored, sign again. */
  'nonce-too-old': { status: 409, title: 'Nonce too old' },
  /** The log cannot take the pack now. */
  'temporary-reduced-capacity': { status: 503, title: 'Temporarily reduced capacity' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Codes whose `type` is registered by IANA; the others use our own namespace. */
const IANA_TYPES: Partial<Record<ProblemCode, string>> = {
  'quota-exceeded': 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  'temporary-reduced-capacity': 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
};

/** Problem details (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

export interface ProblemExtras {
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

export const PROBLEM_CODES: readonly ProblemCode[] = Object.keys(PROBLEMS) as ProblemCode[];

export function problemOf(code: ProblemCode, extras: ProblemExtras = {}): Problem {
  const { status, title } = PROBLEMS[code];
  return { type: IANA_TYPES[code] ?? `urn:telltale:problem:${code}`, title, status, code, ...extras };
}
