import { intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Rejected } from '../outcome.ts';
import type { LimitVerdict } from './allowance.ts';
import type { RateLimitStatus } from './rate-limit-status.ts';

/** Returns are spread over a tenth of the wait, so that those who were refused together do not come back together. */
const JITTER = 0.1;

export function quotaExceeded({ refusedBy, waitUs }: Extract<LimitVerdict, { allowed: false }>): Rejected {
  const waitS = waitUs / 1e6;
  const retryAfterS = Math.max(1, Math.ceil(waitS * (1 + Math.random() * JITTER)));
  return {
    kind: 'rejected',
    code: 'quota-exceeded',
    extras: { 'violated-policies': [refusedBy.name] },
    retryAfterS,
    rateLimit: { policy: refusedBy, remaining: 0, resetS: retryAfterS },
  };
}

export function allowanceOf({ scarcest, remaining }: Extract<LimitVerdict, { allowed: true }>): RateLimitStatus {
  const usedUs = (scarcest.quota - remaining) * intervalUsOf(scarcest);
  return { policy: scarcest, remaining, resetS: Math.ceil(usedUs / 1e6) };
}

export function formatPolicy({ name, quota, windowS }: LimitPolicy): string {
  return `"${name}";q=${quota};w=${windowS}`;
}

export function formatRateLimit({ policy, remaining, resetS }: RateLimitStatus): string {
  return `"${policy.name}";r=${remaining};t=${resetS}`;
}
