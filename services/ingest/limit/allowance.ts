import { decideRate, intervalUsOf, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Passed } from './limit-script.ts';

export type LimitVerdict =
  | { readonly allowed: true; readonly scarcest: LimitPolicy; readonly remaining: number }
  | { readonly allowed: false; readonly refusedBy: LimitPolicy; readonly waitUs: number };

/** Of a quota. */
const MUCH = 1 / 8;

/** What one device or address may still ask, as far as this process knows. */
export class Allowance {
  readonly key: string;
  /** What has the same number has the same hash tag. */
  readonly slot: number;
  readonly policies: readonly LimitPolicy[];
  readonly #intervalsUs: readonly number[];
  /** Theoretical arrival time of the next request under each policy, Unix microseconds. */
  readonly #arrivalsUs: number[];
  #unreported = 0;

  constructor(key: string, slot: number, policies: readonly LimitPolicy[]) {
    this.key = key;
    this.slot = slot;
    this.policies = policies;
    this.#intervalsUs = policies.map(intervalUsOf);
    this.#arrivalsUs = policies.map(() => 0);
  }

  /** What a request would meet now. Nothing is counted. */
  ask(nowUs: number): LimitVerdict {
    let refusedBy: LimitPolicy | undefined;
    let waitUs = 0;
    let scarcest = this.policies[0];
    let least = Infinity;
    let index = 0;
    for (const policy of this.policies) {
      const { allowed, remaining, retryAfterUs } = decideRate(policy, this.#arrivalsUs[index] ?? 0, nowUs);
      index += 1;
      if (!allowed) {
        refusedBy ??= policy;
        waitUs = Math.max(waitUs, retryAfterUs);
      } else if (remaining < least) {
        scarcest = policy;
        least = remaining;
      }
    }
    if (refusedBy !== undefined) return { allowed: false, refusedBy, waitUs };
    if (scarcest === undefined) throw new Error('an allowance without a policy');
    return { allowed: true, scarcest, remaining: least };
  }

  count(nowUs: number): void {
    this.#unreported += 1;
    for (let index = 0; index < this.#arrivalsUs.length; index += 1) {
      this.#arrivalsUs[index] = Math.max(this.#arrivalsUs[index] ?? 0, nowUs) + (this.#intervalsUs[index] ?? 0);
    }
  }

  /** Whether so much of it is used that other processes have to know soon. */
  isMuchUsed(nowUs: number): boolean {
    for (let index = 0; index < this.#arrivalsUs.length; index += 1) {
      const quota = this.policies[index]?.quota ?? 0;
      const usedUs = (this.#arrivalsUs[index] ?? 0) - nowUs;
      if (usedUs > (this.#intervalsUs[index] ?? 0) * quota * MUCH) return true;
    }
    return false;
  }

  isWhole(nowUs: number): boolean {
    return this.#arrivalsUs.every((arrivalUs) => arrivalUs <= nowUs);
  }

  /**
   * What passed since the last report, at most a quota. All of it, also what has come back here meanwhile: of what comes back
   * in a second other processes may have let through as much, and together they get it once.
   */
  takeReport(): Passed {
    const requests = this.#unreported;
    this.#unreported = 0;
    const usedUs = this.#intervalsUs.map(
      (intervalUs, index) => Math.min(requests, this.policies[index]?.quota ?? 0) * intervalUs,
    );
    return { key: this.key, usedUs };
  }

  /**
   * Takes over what all processes together have let through.
   *
   * @param arrivalsUs of the policies, from when Redis had the report
   * @param sentUs when it was sent, so that a slow reply makes nobody wait longer
   */
  merge(arrivalsUs: readonly number[], sentUs: number): void {
    for (const [index, relativeUs] of arrivalsUs.entries()) {
      const own = this.#arrivalsUs[index] ?? 0;
      const sinceUs = this.#unreported * (this.#intervalsUs[index] ?? 0);
      this.#arrivalsUs[index] = Math.max(own, sentUs + relativeUs + sinceUs);
    }
  }
}

/** All must allow; then the request counts for all of them, and the answer is the last one's. */
export function judge(allowances: readonly Allowance[], nowUs: number): LimitVerdict {
  let verdict: LimitVerdict | undefined;
  for (const allowance of allowances) {
    verdict = allowance.ask(nowUs);
    if (!verdict.allowed) return verdict;
  }
  if (verdict === undefined) throw new Error('nobody was asked');
  for (const allowance of allowances) allowance.count(nowUs);
  return verdict;
}
