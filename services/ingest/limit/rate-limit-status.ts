import type { LimitPolicy } from '../../../core/limits/gcra.ts';

/** What the RateLimit fields of a reply say (draft-ietf-httpapi-ratelimit-headers-11). */
export interface RateLimitStatus {
  readonly policy: LimitPolicy;
  readonly remaining: number;
  /** Until the quota is whole again or, when nothing remains, until the next request passes. */
  readonly resetS: number;
}
