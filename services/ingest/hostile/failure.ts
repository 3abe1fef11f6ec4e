import type { ProblemCode } from '../../../contracts/problem.ts';
import type { SecurityEventKind } from '../../../contracts/security-event.ts';

/** What of a refusal makes its sender suspect. */
export type FailureKind = Extract<
  SecurityEventKind,
  'api-key-unknown' | 'bad-signature' | 'malformed-envelope' | 'replay' | 'key-revoked'
>;

/**
 * Points of one failure. A device that lost its replies sends what was accepted again, each pack once: a thousand in a row
 * are no attack. A key that is revoked costs nothing to refuse, and the device must be heard with its next one.
 */
export const FAILURE_POINTS: Readonly<Record<FailureKind, number>> = {
  'api-key-unknown': 1,
  'bad-signature': 1,
  'malformed-envelope': 1,
  replay: 0.02,
  'key-revoked': 0,
};

/** Of a message whose claim could not be read. */
export function failureOfClaim(code: ProblemCode): FailureKind | undefined {
  if (code === 'malformed-body') return 'malformed-envelope';
  return code === 'signature-invalid' ? 'bad-signature' : undefined;
}

/** Of a message that was worth curve arithmetic: what is malformed after that is the device's own mistake, and proved. */
export function failureOfProof(code: ProblemCode): FailureKind | undefined {
  if (code === 'signature-invalid') return 'bad-signature';
  return code === 'replay-detected' ? 'replay' : undefined;
}

export interface Failure {
  readonly kind: FailureKind;
  readonly code: ProblemCode;
  /** Undefined when the way in hides it. */
  readonly source: string | undefined;
  /** A device or, for an API key that is not good, `@` and its id; undefined when not even that can be read. */
  readonly claimant: string | undefined;
}
