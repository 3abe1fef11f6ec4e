import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { EARLY_SKEW_MS } from '../../../contracts/shard-epoch.ts';
import { MAX_METRICS_PER_DEVICE } from '../../../core/telemetry/reading.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { untilSafe, type SafetyWait } from '../../../platform/redis/until-safe.ts';

/** Units by metric, null for none. */
export type Units = ReadonlyMap<string, string | null>;

export interface Admittable {
  readonly deviceId: string;
  /** Version of the registry by which the envelope was judged. */
  readonly registryVersion: number;
  /** Thumbprint of the key that signed. */
  readonly key: string;
  readonly nonce: number;
  readonly createdMs: number;
  /** Empty for a request that uses its nonce and leaves nothing in the log. */
  readonly pack: string;
  /** When the pack has metrics that the registry did not have: those that it had, and the new ones. */
  readonly metrics: { readonly known: Units; readonly new: Units } | undefined;
}

/** Envelopes for the log of one shard. */
export interface AdmitRequest {
  readonly shard: number;
  /** As the caller knows it. */
  readonly epoch: string;
  /** Id of an entry that the caller has seen in it: a log that has lost it gets another epoch. Not looked at without it. */
  readonly newest?: string | undefined;
  readonly envelopes: readonly Admittable[];
}

export const ADMISSIONS = [
  'accepted',
  'replay-detected',
  'nonce-too-old',
  'stale',
  'unit-conflict',
  'too-many-metrics',
  /** Too much waits to be stored. */
  'backlog-full',
] as const;
export type Admission = (typeof ADMISSIONS)[number];

export type AdmitReply =
  | {
      readonly kind: 'decided';
      readonly admissions: readonly Admission[];
      /** What was judged by an older version of the registry is stale. */
      readonly trustVersion: number;
      /** Id of the newest entry that was appended; undefined when none was. */
      readonly newest: string | undefined;
    }
  /** The log is another one; `current` is undefined when nobody has begun it yet. */
  | { readonly kind: 'other-epoch'; readonly current: string | undefined }
  /** A command failed: the outcome of the envelopes is not known. */
  | { readonly kind: 'failed'; readonly message: string };

export interface AdmitOptions {
  /** Nonces below the highest one that are told apart; a multiple of 8. */
  readonly replayWindow: number;
  /** Entries of a shard that may wait to be stored. */
  readonly maxBacklog: number;
  /** Where what was admitted has to be before it counts, beside the memory of the Redis that took it. */
  readonly safety?: SafetyWait | undefined;
}

/** Runs admit.lua for shards of one node. Rejects when Redis does not answer: then the outcome is not known. */
export class AdmitScript {
  readonly #redis: Redis;
  readonly #script: Script;
  readonly #options: AdmitOptions;

  constructor(redis: Redis, options: AdmitOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#script = defineScript(redis, 'ttAdmit', 'admit.lua', import.meta.url);
  }

  /** Answers for each request, in order. */
  async run(requests: readonly AdmitRequest[]): Promise<readonly AdmitReply[]> {
    const keys: string[] = [];
    const { replayWindow, maxBacklog } = this.#options;
    const values: (string | number)[] = [replayWindow, MAX_METRICS_PER_DEVICE, maxBacklog, consumerGroups.persist];
    values.push(EARLY_SKEW_MS);
    for (const { shard, epoch, newest, envelopes } of requests) {
      keys.push(redisKeys.readings(shard), redisKeys.epoch(shard), redisKeys.trust(shard));
      values.push(epoch, newest ?? '', envelopes.length);
      for (const envelope of envelopes) {
        const { registryVersion, nonce, createdMs, pack, metrics } = envelope;
        keys.push(redisKeys.replay(shard, envelope.key));
        if (metrics !== undefined) keys.push(redisKeys.metrics(shard, envelope.deviceId));
        values.push(registryVersion, nonce, createdMs, pack, metrics === undefined ? '' : encodeMetrics(metrics));
      }
    }
    const replies = await this.#script(keys, values);
    if (!Array.isArray(replies)) throw new Error('admit.lua answered something else than an array');
    const parsed = requests.map(({ envelopes }, index) => parseReply(replies[index], envelopes.length));
    await this.#untilSafe(requests, parsed);
    return parsed;
  }

  /**
   * What is known already has to be safe as well: a device that sends again because we gave up here, or because another process
   * did, is told so only once its reading is.
   */
  async #untilSafe(requests: readonly AdmitRequest[], replies: readonly AdmitReply[]): Promise<void> {
    const { safety } = this.#options;
    const [first] = requests;
    if (safety === undefined || first === undefined) return;
    const hasWritten = replies.some((reply) => reply.kind === 'decided' && reply.newest !== undefined);
    await untilSafe(this.#redis, redisKeys.barrier(first.shard), !hasWritten, safety);
  }
}

function encodeMetrics(metrics: NonNullable<Admittable['metrics']>): string {
  const object = (units: Units) => Object.fromEntries([...units].map(([name, unit]) => [name, unit ?? '']));
  return JSON.stringify([object(metrics.known), object(metrics.new)]);
}

function parseReply(reply: unknown, expected: number): AdmitReply {
  const parts: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const [kind, detail, newest, ...words] = parts;
  const text = typeof detail === 'string' ? detail : '';
  if (kind === 'epoch') return { kind: 'other-epoch', current: text === '' ? undefined : text };
  if (kind === 'error') return { kind: 'failed', message: text };
  const admissions = words.map((word) => ADMISSIONS.find((admission) => admission === word));
  const known = admissions.filter((admission) => admission !== undefined);
  if (kind !== 'decided' || known.length !== expected) {
    throw new Error('admit.lua answered for another number of envelopes');
  }
  return {
    kind: 'decided',
    admissions: known,
    trustVersion: Number(text),
    newest: newest === '' ? undefined : String(newest),
  };
}
