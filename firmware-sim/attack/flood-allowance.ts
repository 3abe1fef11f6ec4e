/** A policy of the RateLimit-Policy field (draft-ietf-httpapi-ratelimit-headers): `"burst";q=100;w=1`. */
const POLICY = /^"([a-z]+)";q=([0-9]+);w=([0-9]+)$/;

interface Policy {
  readonly quota: number;
  readonly windowS: number;
}

/** Holds a limiter to the policies that it states: how much of a flood it may let through at the most. */
export class FloodAllowance {
  readonly #startedMs: number;
  readonly #policies = new Map<string, Policy>();
  #taken = 0;

  /** Before the first request, on a monotonic clock. */
  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  take(): void {
    this.#taken += 1;
  }

  /** The value of a reply's RateLimit-Policy; what cannot be read is ignored. */
  learn(field: string | undefined): void {
    const [, name, quota, windowS] = POLICY.exec(field ?? '') ?? [];
    if (name !== undefined) this.#policies.set(name, { quota: Number(quota), windowS: Number(windowS) });
  }

  /** Requests that were taken beyond the strictest policy, by a full allowance at the start and its even return since. */
  excess(nowMs: number): number {
    const elapsedS = (nowMs - this.#startedMs) / 1000;
    const most = [...this.#policies.values()].map(({ quota, windowS }) => Math.ceil(quota * (1 + elapsedS / windowS)));
    return Math.max(0, this.#taken - Math.min(...most));
  }
}
