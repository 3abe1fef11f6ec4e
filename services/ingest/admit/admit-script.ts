import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

export interface Admittable {
  /** Version of the registry by which the envelope was judged. */
  readonly registryVersion: number;
  /** Thumbprint of the key that signed. */
  readonly key: string;
  readonly nonce: number;
  readonly createdMs: number;
  /** Empty for a request that uses its nonce and leaves nothing in the log. */
  readonly pack: string;
}

export const ADMISSIONS = ['accepted', 'replay-detected', 'nonce-too-old', 'stale'] as const;
export type Admission = (typeof ADMISSIONS)[number];

export type AdmitReply =
  | {
      readonly kind: 'decided';
      readonly admissions: readonly Admission[];
      /** What was judged by an older version of the registry is stale. */
      readonly trustVersion: number;
    }
  /** The log is another one; `current` is undefined when nobody has begun it yet. */
  | { readonly kind: 'other-epoch'; readonly current: string | undefined };

/** Runs admit.lua for envelopes of one shard. Rejects when Redis does not answer: then the outcome is not known. */
export class AdmitScript {
  readonly #script: Script;
  readonly #replayWindow: number;

  constructor(redis: Redis, replayWindow: number) {
    this.#replayWindow = replayWindow;
    this.#script = defineScript(redis, 'ttAdmit', 'admit.lua', import.meta.url);
  }

  async run(shard: number, epoch: string, envelopes: readonly Admittable[]): Promise<AdmitReply> {
    const keys = [redisKeys.readings(shard), redisKeys.epoch(shard), redisKeys.trust(shard)];
    const values: (string | number)[] = [epoch, this.#replayWindow];
    for (const envelope of envelopes) {
      keys.push(redisKeys.replay(shard, envelope.key));
      values.push(envelope.registryVersion, envelope.nonce, envelope.createdMs, envelope.pack);
    }
    return parseReply(await this.#script(keys, values), envelopes.length);
  }
}

function parseReply(reply: unknown, expected: number): AdmitReply {
  if (!Array.isArray(reply)) throw new Error('admit.lua answered something else than an array');
  if (reply[0] === 'epoch') {
    const current: unknown = reply[1];
    return { kind: 'other-epoch', current: typeof current === 'string' && current !== '' ? current : undefined };
  }
  const parts: readonly unknown[] = reply;
  const [trustVersion, ...words] = parts;
  const admissions = words.map((word) => ADMISSIONS.find((admission) => admission === word));
  const known = admissions.filter((admission) => admission !== undefined);
  if (known.length !== expected) throw new Error('admit.lua answered for another number of envelopes');
  return { kind: 'decided', admissions: known, trustVersion: Number(trustVersion) };
}
