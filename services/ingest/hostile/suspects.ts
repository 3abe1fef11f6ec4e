import {
  addPoints,
  isOverLimit,
  pointsAt,
  type FailurePolicy,
  type FailureScore,
} from '../../../core/limits/failure-score.ts';
import { formatBlockedSource, type BlockedSource } from '../../../contracts/source-block.ts';
import { FAILURE_POINTS, type Failure } from './failure.ts';
import type { RecentAdmissions } from './recent-admissions.ts';

/** About 150 bytes each. An attack from more places than that makes the oldest scores be forgotten, and nobody be blocked. */
const MAX_SCORES = 100_000;

/**
 * Counts failures and decides who is to be blocked for them: a whole address only for API keys that are not good, and only
 * while nobody is admitted from it; otherwise one claimant at one address, unless just that device is admitted from there.
 * See docs/adr/0007-who-is-blocked-for-what.md.
 */
export class Suspects {
  readonly #policy: FailurePolicy;
  readonly #admissions: Pick<RecentAdmissions, 'has'>;
  /** Apart, so that made-up claimants do not push the score of their address out. */
  readonly #addresses = new Map<string, FailureScore>();
  readonly #pairs = new Map<string, FailureScore>();

  constructor(policy: FailurePolicy, admissions: Pick<RecentAdmissions, 'has'>) {
    this.#policy = policy;
    this.#admissions = admissions;
  }

  get size(): number {
    return this.#addresses.size + this.#pairs.size;
  }

  /** Whom this failure is one too many of. */
  decide({ kind, source, claimant }: Failure, nowMs: number): BlockedSource | undefined {
    const points = FAILURE_POINTS[kind];
    if (source === undefined || points === 0) return undefined;
    if (kind === 'api-key-unknown' && this.#isTooMany(this.#addresses, source, points, nowMs)) {
      const everybody = { address: source, claimant: null };
      if (!this.#admissions.has(everybody, nowMs)) return everybody;
    }
    if (claimant === undefined) return undefined;
    const pair = { address: source, claimant };
    if (!this.#isTooMany(this.#pairs, formatBlockedSource(pair), points, nowMs)) return undefined;
    return this.#admissions.has(pair, nowMs) ? undefined : pair;
  }

  /** Whoever is blocked begins anew afterwards. */
  acquit(source: BlockedSource): void {
    const scores = source.claimant === null ? this.#addresses : this.#pairs;
    scores.delete(formatBlockedSource(source));
  }

  forgetOld(nowMs: number): void {
    for (const scores of [this.#addresses, this.#pairs]) {
      for (const [name, score] of scores) {
        if (pointsAt(score, this.#policy, nowMs) === 0) scores.delete(name);
      }
    }
  }

  #isTooMany(scores: Map<string, FailureScore>, name: string, points: number, nowMs: number): boolean {
    const before = scores.get(name);
    if (before === undefined && scores.size >= MAX_SCORES) {
      const [oldest] = scores.keys();
      if (oldest !== undefined) scores.delete(oldest);
    }
    const score = addPoints(before, points, this.#policy, nowMs);
    scores.set(name, score);
    return isOverLimit(score, this.#policy);
  }
}
