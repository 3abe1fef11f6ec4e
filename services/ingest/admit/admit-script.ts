import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

export interface Admittable {
  /** Thumbprint of the key that signed. */
  readonly key: string;
  readonly nonce: number;
  readonly createdMs: number;
  readonly pack: string;
}

export const ADMISSIONS = ['accepted', 'replay-detected', 'nonce-too-old'] as const;
export type Admission = (typeof ADMISSIONS)[number];

export type AdmitReply =
  | { readonly kind: 'decided'; readonly admissions: readonly Admission[] }
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
    const keys = [redisKeys.readings(shard), redisKeys.epoch(shard)];
    const values: (string | number)[] = [epoch, this.#replayWindow];
    for (const envelope of envelopes) {
      keys.push(redisKeys.replay(shard, envelope.key));
      values.push(envelope.nonce, envelope.createdMs, envelope.pack);
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
  const admissions = reply.map((word: unknown) => ADMISSIONS.find((admission) => admission === word));
  const known = admissions.filter((admission) => admission !== undefined);
  if (known.length !== expected) throw new Error('admit.lua answered for another number of envelopes');
  return { kind: 'decided', admissions: known };
}
