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
      /** Of `temporary-reduced-capacity`. */
      readonly cause?: CapacityCause;
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

/** What is short for now, to what is said of it. */
const CAPACITY = {
  'verify-queue-full': 'too many messages wait to be verified',
  'backlog-full': 'too much waits to be stored',
  'no-log': 'the log has not been begun; the worker does that when it starts',
  'log-unwritable': 'the log cannot be written',
  'registry-unprojected': 'the registry is not projected yet',
  'registry-unreadable': 'the registry cannot be read',
  'registry-changing': 'the registry keeps changing',
  'requests-full': 'too many requests to the registry wait to be carried out',
  'requests-unwritable': 'the request cannot be passed on',
  'requests-unreadable': 'the state of the request cannot be read',
  fault: 'the message could not be decided',
} as const;
export type CapacityCause = keyof typeof CAPACITY;
export const CAPACITY_CAUSES: readonly string[] = Object.keys(CAPACITY);

/** It cannot be taken now. The wait is spread, so that a fleet that was refused at once does not return at once. */
export function reducedCapacity(cause: CapacityCause): Rejected {
  const retryAfterS = FEWEST_RETRY_AFTER_S + Math.floor(Math.random() * (RETRY_AFTER_SPREAD_S + 1));
  const extras = { detail: CAPACITY[cause] };
  return { kind: 'rejected', code: 'temporary-reduced-capacity', cause, extras, retryAfterS };
}
