import type { ProblemCode, ProblemExtras } from '../../contracts/problem.ts';
import type { RateLimitStatus } from './limit/limit-outcome.ts';

interface Decided {
  /** Undefined for what was decided before the limits. */
  readonly rateLimit?: RateLimitStatus;
}

/** What becomes of an envelope: one of these, whatever brought it. */
export type Outcome =
  | (Decided & { readonly kind: 'accepted'; readonly readings: number })
  | (Decided & {
      readonly kind: 'rejected';
      readonly code: ProblemCode;
      readonly extras?: ProblemExtras;
      readonly retryAfterS?: number;
    });

export type Rejected = Extract<Outcome, { kind: 'rejected' }>;

export function rejected(code: ProblemCode, extras?: ProblemExtras): Rejected {
  return { kind: 'rejected', code, ...(extras !== undefined && { extras }) };
}

const FEWEST_RETRY_AFTER_S = 1;
const RETRY_AFTER_SPREAD_S = 4;

/** The log cannot take it now. The wait is spread, so that a fleet that was refused at once does not return at once. */
export function reducedCapacity(detail: string): Rejected {
  const retryAfterS = FEWEST_RETRY_AFTER_S + Math.floor(Math.random() * (RETRY_AFTER_SPREAD_S + 1));
  return { kind: 'rejected', code: 'temporary-reduced-capacity', extras: { detail }, retryAfterS };
}
