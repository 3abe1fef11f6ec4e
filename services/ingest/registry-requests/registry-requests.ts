import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { problemOf } from '../../../contracts/problem.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import {
  encodeRegistryRequest,
  encodeRequestState,
  parseRequestState,
  REGISTRY_REQUEST_FIELD,
  REQUEST_STATE_KEPT_S,
  stateOf,
  type EnrolmentEntry,
  type KeyEntry,
  type RegistryRequestKind,
  type RequestOutcome,
  type RequestState,
} from '../../../contracts/registry-request.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { HostileSources } from '../hostile/hostile-sources.ts';
import type { Arrival } from '../http/resource.ts';
import { allowanceOf, quotaExceeded } from '../limit/limit-outcome.ts';
import type { RateLimiter } from '../limit/rate-limiter.ts';
import { reducedCapacity, rejected, type HttpOutcome, type CapacityCause } from '../outcome.ts';

export interface RegistryRequestsParts {
  readonly redis: Redis;
  readonly limiter: RateLimiter;
  readonly hostile: Pick<HostileSources, 'refuseAddress'>;
  readonly registry: { advance(version: number): void };
}

export interface RegistryRequestsOptions {
  /** How long a reply waits for the worker and the projection. */
  readonly waitMs: number;
  readonly log: Logger;
}

/** Each entry is half a kilobyte: a worker that is away for a day may find this many. */
const MAX_BACKLOG = 10_000;
/** Replies that wait ask Redis this often, and no more of them wait at once. */
const ASK_EVERY_MS = 50;
const MAX_WAITING = 500;
const ID_BYTES = 16;

const PATHS = { enrolment: '/v1/enrolments', key: '/v1/keys' } as const satisfies Record<RegistryRequestKind, string>;

type Distribute<T> = T extends unknown ? Omit<T, 'id'> : never;
type Submission = Distribute<EnrolmentEntry | KeyEntry>;

/** Passes what devices ask of the registry to the worker, and tells what became of it. */
export class RegistryRequests {
  readonly #parts: RegistryRequestsParts;
  readonly #options: RegistryRequestsOptions;
  #waiting = 0;
  #closed = false;

  constructor(parts: RegistryRequestsParts, options: RegistryRequestsOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Nobody waits any more, but for one more look: replies say that the request is pending. */
  close(): void {
    this.#closed = true;
  }

  /** @param secrets go into the reply and nowhere else */
  async submit(submission: Submission, secrets: Readonly<Record<string, string>>): Promise<HttpOutcome> {
    const { redis } = this.#parts;
    const request = { ...submission, id: randomBytes(ID_BYTES).toString('base64url') };
    const stateKey = redisKeys.requestState(request.id);
    try {
      if ((await redis.xlen(redisKeys.requests)) >= MAX_BACKLOG) {
        return reducedCapacity('requests-full');
      }
      // Together, so that there is a state for as long as there is a request.
      const results = await redis
        .multi()
        .set(stateKey, encodeRequestState(stateOf(request, null)), 'EX', REQUEST_STATE_KEPT_S)
        .xadd(redisKeys.requests, '*', REGISTRY_REQUEST_FIELD, encodeRegistryRequest(request))
        .exec();
      const failed = results?.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
    } catch (error) {
      return this.#unavailable(error, 'requests-unwritable');
    }
    const location = `${PATHS[request.kind]}/${request.id}`;
    const outcome = await this.#settle(stateKey);
    if (outcome?.state === 'refused') return rejected(outcome.code);
    const about = { device_id: request.device, key_id: request.key.id, ...secrets };
    return outcome === undefined
      ? { kind: 'pending', location, body: { state: 'pending', ...about } }
      : { kind: 'registered', location, body: { state: 'done', ...about } };
  }

  /** What became of a request. */
  async read(kind: RegistryRequestKind, id: string, { source, receivedMs }: Arrival): Promise<HttpOutcome> {
    const unwelcome = this.#parts.hostile.refuseAddress(source, receivedMs);
    if (unwelcome !== undefined) return unwelcome;
    const verdict = this.#parts.limiter.decideStranger(source, receivedMs * 1000);
    if (!verdict.allowed) return quotaExceeded(verdict);
    const rateLimit = allowanceOf(verdict);
    try {
      const { state, outcome } = await this.#look(redisKeys.requestState(id));
      if (state?.kind !== kind) return { ...rejected('not-found'), rateLimit };
      const about = { device_id: state.device, key_id: state.key };
      return { kind: 'read', rateLimit, body: { state: outcome?.state ?? 'pending', ...about, ...problemIn(outcome) } };
    } catch (error) {
      return this.#unavailable(error, 'requests-unreadable');
    }
  }

  /** Undefined while the request is pending after all that time. */
  async #settle(stateKey: string): Promise<RequestOutcome | undefined> {
    const untilMs = performance.now() + this.#options.waitMs;
    if (this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting += 1;
    try {
      while (!this.#closed && performance.now() < untilMs) {
        await delay(ASK_EVERY_MS);
        const { outcome } = await this.#look(stateKey);
        if (outcome !== undefined) return outcome;
      }
      return undefined;
    } catch (error) {
      // The request is on its way, and whoever made it must not be told otherwise.
      this.#options.log.debug({ err: error }, 'nobody waits for the outcome of a request to the registry');
      return undefined;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** A change counts once it is projected: until then a device that was told would be turned away. */
  async #look(
    stateKey: string,
  ): Promise<{ readonly state: RequestState | undefined; readonly outcome: RequestOutcome | undefined }> {
    const [json, projected] = await this.#parts.redis.mget(stateKey, redisKeys.registryVersion);
    const state = typeof json === 'string' ? parseRequestState(json) : undefined;
    const outcome = state?.outcome ?? undefined;
    if (outcome?.state !== 'done') return { state, outcome };
    if (BigInt(projected ?? '0') < BigInt(outcome.version)) return { state, outcome: undefined };
    this.#parts.registry.advance(Number(outcome.version));
    return { state, outcome };
  }

  #unavailable(error: unknown, cause: CapacityCause): HttpOutcome {
    this.#options.log.debug({ err: error, cause }, 'a request to the registry cannot be dealt with now');
    return reducedCapacity(cause);
  }
}

function problemIn(outcome: RequestOutcome | undefined): Record<string, unknown> {
  return outcome?.state === 'refused' ? { problem: problemOf(outcome.code) } : {};
}
