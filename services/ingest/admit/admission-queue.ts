import { shardOf } from '../../../contracts/shard.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { CallBatcher } from './call-batcher.ts';
import { AdmitScript, type Admission, type AdmitOptions, type AdmitReply, type Admittable } from './admit-script.ts';

export type AdmissionOutcome =
  | Exclude<Admission, 'stale'>
  /** Nobody has begun this shard's log, so that nothing can be admitted yet. */
  | 'no-log'
  /** Not admitted: the registry has changed to this version since the envelope was judged. */
  | { readonly staleBefore: number };

/** Larger batches hold Redis up for more than half a millisecond at a time. */
const MAX_BATCH = 64;
/** Who is not asked because of it cannot find out that it has passed. */
const FULL_FOR_MS = 5000;

interface Waiting {
  readonly shard: number;
  readonly envelope: Admittable;
}

interface Group {
  readonly shard: number;
  /** Empty while it is not known. */
  epoch: string;
  readonly envelopes: Admittable[];
  /** Of the envelopes among those that wait. */
  readonly positions: number[];
}

/** Admits envelopes, many in one call. */
export class AdmissionQueue {
  readonly #redis: Redis;
  readonly #script: AdmitScript;
  readonly #shardCount: number;
  readonly #epochs = new Map<number, string>();
  /** When a shard last refused for its backlog, by the monotonic clock. */
  readonly #fullAtMs = new Map<number, number>();
  #admittedAtMs = -Infinity;
  readonly #batcher: CallBatcher<Waiting, AdmissionOutcome>;

  constructor(redis: Redis, shardCount: number, options: AdmitOptions) {
    this.#redis = redis;
    this.#script = new AdmitScript(redis, options);
    this.#shardCount = shardCount;
    this.#batcher = new CallBatcher({ redis, maxBatch: MAX_BATCH, run: (waiting) => this.#admitAll(waiting) });
  }

  /** Shards that refused an envelope a moment ago because too much waits to be stored. */
  get full(): readonly number[] {
    const sinceMs = performance.now() - FULL_FOR_MS;
    return [...this.#fullAtMs].flatMap(([shard, atMs]) => (atMs > sinceMs ? [shard] : []));
  }

  /** Whether all that came lately was refused for that. */
  get refusesAll(): boolean {
    return this.full.length > 0 && performance.now() - this.#admittedAtMs > FULL_FOR_MS;
  }

  /** Rejects when Redis fails: the envelope may or may not be in the log, and the device has to ask again. */
  admit(envelope: Admittable): Promise<AdmissionOutcome> {
    const shard = shardOf(envelope.deviceId, this.#shardCount);
    return this.#batcher.run(shard, { shard, envelope });
  }

  async #admitAll(waiting: readonly Waiting[]): Promise<readonly (AdmissionOutcome | Error)[]> {
    const outcomes: (AdmissionOutcome | Error)[] = waiting.map(() => 'no-log');
    let groups = groupByShard(waiting);
    // An epoch is learnt once when it is another one than this process knew.
    for (let attempt = 0; attempt < 2 && groups.length > 0; attempt += 1) {
      groups = await this.#attempt(groups, (position, outcome) => (outcomes[position] = outcome));
    }
    return outcomes;
  }

  /** Answers the groups whose log is another one. */
  async #attempt(
    groups: readonly Group[],
    settle: (position: number, outcome: AdmissionOutcome | Error) => void,
  ): Promise<Group[]> {
    await this.#learnEpochs(groups);
    for (const group of groups) group.epoch = this.#epochs.get(group.shard) ?? '';
    const requests = groups.filter(({ epoch }) => epoch !== '');
    const replies = requests.length === 0 ? [] : await this.#script.run(requests);
    const nowMs = performance.now();
    return requests.filter((group, index) => {
      const reply = replies[index];
      if (reply?.kind === 'other-epoch') {
        if (reply.current === undefined) this.#epochs.delete(group.shard);
        else this.#epochs.set(group.shard, reply.current);
        return reply.current !== undefined;
      }
      for (const [at, position] of group.positions.entries()) {
        const outcome = outcomeAt(reply, at);
        if (outcome === 'backlog-full') this.#fullAtMs.set(group.shard, nowMs);
        else if (outcome === 'accepted') this.#admittedAtMs = nowMs;
        settle(position, outcome);
      }
      return false;
    });
  }

  async #learnEpochs(groups: readonly Group[]): Promise<void> {
    const unknown = groups.filter(({ shard }) => !this.#epochs.has(shard));
    if (unknown.length === 0) return;
    const epochs = await this.#redis.mget(unknown.map(({ shard }) => redisKeys.epoch(shard)));
    for (const [index, { shard }] of unknown.entries()) {
      const epoch = epochs[index];
      if (typeof epoch === 'string') this.#epochs.set(shard, epoch);
    }
  }
}

function groupByShard(waiting: readonly Waiting[]): Group[] {
  const groups = new Map<number, Group>();
  for (const [position, { shard, envelope }] of waiting.entries()) {
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, { shard, epoch: '', envelopes: [envelope], positions: [position] });
    else {
      group.envelopes.push(envelope);
      group.positions.push(position);
    }
  }
  return [...groups.values()];
}

function outcomeAt(reply: AdmitReply | undefined, index: number): AdmissionOutcome | Error {
  if (reply?.kind !== 'decided') return new Error(reply?.kind === 'failed' ? reply.message : 'a shard was left out');
  const admission = reply.admissions[index];
  if (admission === undefined) return new Error('an envelope was left out');
  return admission === 'stale' ? { staleBefore: reply.trustVersion } : admission;
}
