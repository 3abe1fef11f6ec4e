/**
 * A rate limit by the generic cell rate algorithm (ITU-T I.371): one number of state, the theoretical arrival time of the
 * next request. `quota` requests pass in any `windowS` seconds, all of them at once if need be, and the allowance comes
 * back evenly.
 */
export interface LimitPolicy {
  readonly name: string;
  readonly quota: number;
  readonly windowS: number;
}

export interface LimitDecision {
  readonly allowed: boolean;
  /** Requests that would pass now, after this one. */
  readonly remaining: number;
  /** When the next request passes, microseconds from now; 0 when it would now. */
  readonly retryAfterUs: number;
  /** Theoretical arrival time afterwards, Unix microseconds; unchanged by a refusal. */
  readonly arrivalUs: number;
}

export function intervalUsOf(policy: LimitPolicy): number {
  return Math.ceil((policy.windowS * 1e6) / policy.quota);
}

export function decideRate(policy: LimitPolicy, arrivalUs: number, nowUs: number): LimitDecision {
  const intervalUs = intervalUsOf(policy);
  const windowUs = intervalUs * policy.quota;
  const current = Math.max(arrivalUs, nowUs);
  const next = current + intervalUs;
  const excessUs = next - nowUs - windowUs;
  if (excessUs > 0) return { allowed: false, remaining: 0, retryAfterUs: excessUs, arrivalUs };
  const remaining = Math.floor((windowUs - (next - nowUs)) / intervalUs);
  return { allowed: true, remaining, retryAfterUs: 0, arrivalUs: next };
}
