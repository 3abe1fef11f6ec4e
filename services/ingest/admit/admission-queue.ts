import { Cluster } from 'ioredis';
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
  /** What the log has to have, when that is to be looked at. */
  newest: string | undefined;
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
  /** Ids of the newest entries that were acknowledged, by shard. */
  readonly #newest = new Map<number, string>();
  /** Shards of a Redis that may have been started anew, perhaps from an older file, since they were last written to. */
  readonly #doubted = new Set<number>();
  /** When a shard last refused for its backlog, by the monotonic clock. */
  readonly #fullAtMs = new Map<number, number>();
  #admittedAtMs = -Infinity;
  readonly #observeSeconds: (seconds: number) => void;
  readonly #batcher: CallBatcher<Waiting, AdmissionOutcome>;

  /** @param observeSeconds from sending a batch to its reply */
  constructor(
    redis: Redis,
    shardCount: number,
    options: AdmitOptions,
    observeSeconds: (seconds: number) => void = () => undefined,
  ) {
    this.#observeSeconds = observeSeconds;
    this.#redis = redis;
    this.#script = new AdmitScript(redis, options);
    this.#shardCount = shardCount;
    redis.on('ready', () => {
      for (const shard of this.#newest.keys()) this.#doubted.add(shard);
    });
    this.#batcher = new CallBatcher({ redis, maxBatch: MAX_BATCH, run: (waiting) => this.#admitAll(waiting) });
  }

  /** Shards that refused an envelope a moment ago because too much waits to be stored. */
  get full(): readonly number[] {
    const sinceMs = performance.now() - FULL_FOR_MS;
    return [...this.#fullAtMs].flatMap(([shard, atMs]) => (atMs > sinceMs ? [shard] : []));
  }

  get waiting(): number {
    return this.#batcher.waiting;
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
    for (const group of groups) {
      group.epoch = this.#epochs.get(group.shard) ?? '';
      group.newest = this.#isDoubted(group.shard) ? this.#newest.get(group.shard) : undefined;
    }
    const requests = groups.filter(({ epoch }) => epoch !== '');
    const startedMs = performance.now();
    const replies = requests.length === 0 ? [] : await this.#script.run(requests);
    const nowMs = performance.now();
    if (requests.length > 0) this.#observeSeconds((nowMs - startedMs) / 1000);
    return requests.filter((group, index) => {
      const reply = replies[index];
      if (reply?.kind === 'other-epoch') {
        this.#newest.delete(group.shard);
        if (reply.current === undefined) this.#epochs.delete(group.shard);
        else this.#epochs.set(group.shard, reply.current);
        return reply.current !== undefined;
      }
      if (reply?.kind === 'decided') {
        if (group.newest !== undefined) this.#doubted.delete(group.shard);
        if (reply.newest !== undefined) this.#newest.set(group.shard, reply.newest);
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

  /** A connection that was not broken leads to the server that it led to. In a cluster others take over without one. */
  #isDoubted(shard: number): boolean {
    return this.#redis instanceof Cluster || this.#doubted.has(shard);
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
    if (group === undefined)
      groups.set(shard, { shard, epoch: '', newest: undefined, envelopes: [envelope], positions: [position] });
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
