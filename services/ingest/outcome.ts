import type { ProblemCode, ProblemExtras } from '../../contracts/problem.ts';
import type { RateLimitStatus } from './limit/rate-limit-status.ts';

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
      /** The method that the resource has, for `method-not-allowed`. */
      readonly allow?: string;
    });

/** What is said about a request to the registry. */
export interface Answered extends Decided {
  readonly kind: 'registered' | 'pending' | 'read';
  /** Where the state of the request can be asked for. */
  readonly location?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Over HTTP a device does more than send packs. */
export type HttpOutcome = Outcome | Answered;

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
