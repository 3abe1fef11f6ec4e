/** How many failures are too many. Points leak away evenly: who fails now and then is never over the limit. */
export interface FailurePolicy {
  /** Points at which somebody is blocked. */
  readonly limit: number;
  /** A score at the limit is forgotten after this time. */
  readonly forgetMs: number;
}

export interface FailureScore {
  readonly points: number;
  /** When it had that many, Unix milliseconds. */
  readonly atMs: number;
}

/** A clock that was set back forgets nothing. */
export function pointsAt(score: FailureScore, policy: FailurePolicy, nowMs: number): number {
  const elapsedMs = Math.max(0, nowMs - score.atMs);
  return Math.max(0, score.points - (elapsedMs * policy.limit) / policy.forgetMs);
}

/** Never above the limit, so that whoever is spared today is not blocked for it tomorrow. */
export function addPoints(
  before: FailureScore | undefined,
  points: number,
  policy: FailurePolicy,
  nowMs: number,
): FailureScore {
  const known = before === undefined ? 0 : pointsAt(before, policy, nowMs);
  return { points: Math.min(policy.limit, known + points), atMs: nowMs };
}

export function isOverLimit(score: FailureScore, policy: FailurePolicy): boolean {
  return score.points >= policy.limit;
}
