import { setTimeout as delay } from 'node:timers/promises';
import {
  ADMITTED_PACK_FIELD,
  parseAdmittedPack,
  pickReadings,
  type AdmittedPack,
} from '../../../contracts/admitted-pack.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import { dataErrorOf, isTimeout } from '../../../platform/postgres/data-error.ts';
import { GroupReader } from '../../../platform/redis/group-reader.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';
import { DeadLetterWriter, type ShardLetter } from './dead-letter-writer.ts';
import type { PackStore } from './pack-store.ts';
import type { StoreResult } from './readings-store.ts';

export interface PersistOptions {
  /** Entries of a shard at once, at most. */
  readonly readCount: number;
  /** Readings stored in one statement, at most. */
  readonly batchReadings: number;
  /** How long a batch that is small may gather what else comes. */
  readonly batchMs: number;
}

interface Entry {
  readonly shard: number;
  readonly id: string;
  readonly json: string;
  readonly pack: AdmittedPack;
}

const CONSUMER = 'shard';
/** Share of a batch from which on more is likely to wait. */
const LARGE = 1 / 4;
const WEIGHT_AT_FIRST = 100;
/** What a reading takes in the log with room to spare; long texts count as so many readings more. */
const BYTES_PER_READING = 400;

/** Moves packs from the log to the store: reads as a consumer group, stores, and acknowledges after the commit. */
export class PersistLoop {
  readonly #reader: GroupReader;
  readonly #redis: Redis;
  readonly #store: PackStore;
  readonly #options: PersistOptions;
  readonly #metrics: WorkerMetrics;
  readonly #deadLetters: DeadLetterWriter;
  #shards = 1;
  /** Of an entry, in the last pass that had any. */
  #meanWeight = WEIGHT_AT_FIRST;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: PackStore,
    options: PersistOptions,
    observers: WorkerObservers,
  ) {
    this.#reader = new GroupReader({
      reader: connections.reader,
      group: consumerGroups.persist,
      consumer: CONSUMER,
      field: ADMITTED_PACK_FIELD,
      count: () => this.#readCount(),
    });
    this.#redis = connections.redis;
    this.#store = store;
    this.#options = options;
    this.#metrics = observers.metrics;
    this.#deadLetters = new DeadLetterWriter(connections.redis, observers);
  }

  /**
   * @param shards to their fencing tokens: those that this worker has; at least one
   * @param stop   leaves the batches behind the first to whoever has the shards next, unacknowledged. The first is stored: whoever
   *   has taken over already sees what was read here only when they look back.
   */
  async pass(shards: ReadonlyMap<number, number>, stop?: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    let weight = 0;
    this.#shards = shards.size;
    const readable = new Map([...shards].map(([shard, token]) => [redisKeys.readings(shard), token]));
    await this.#reader.pass(readable, async (streams) => {
      const letters: ShardLetter[] = [];
      const entries = parseEntries(shards.keys(), streams, letters);
      weight = entries.reduce((sum, entry) => sum + weightOf(entry), 0);
      if (entries.length > 0) this.#meanWeight = weight / entries.length;
      let isFirst = true;
      for (const batch of batchesOf(entries, this.#options.batchReadings)) {
        if (!isFirst && stop?.aborted === true) break;
        isFirst = false;
        await this.#persist(batch, letters, stop);
      }
      // Last, so that a letter that cannot be written keeps nothing from being stored.
      await this.#deadLetters.write(letters);
    });
    // What came meanwhile and what comes now is one statement then, and one sync of the database's disk.
    const { batchReadings, batchMs } = this.#options;
    if (weight >= batchReadings * LARGE || stop?.aborted === true) return;
    await delay(startedMs + batchMs - performance.now(), undefined, { signal: stop }).catch(() => undefined);
  }

  /** As many as make a batch, so that neither a batch is small nor its entries many when much waits. */
  #readCount(): number {
    const { readCount, batchReadings } = this.#options;
    return Math.min(readCount, Math.ceil(batchReadings / this.#meanWeight / this.#shards));
  }

  /**
   * A batch that fails on its data is halved until the entry that does so is alone, and one that takes too long until it does
   * not; whatever else fails is the caller's.
   */
  async #persist(batch: readonly Entry[], letters: ShardLetter[], stop: AbortSignal | undefined): Promise<void> {
    let result: StoreResult;
    try {
      const end = this.#metrics.persistSeconds.startTimer();
      result = await this.#store.store(batch.map(({ pack }) => pack));
      end();
    } catch (error) {
      const dataError = dataErrorOf(error);
      const [first] = batch;
      if (first === undefined || (dataError === undefined && !(isTimeout(error) && batch.length > 1))) throw error;
      if (dataError !== undefined && batch.length === 1) {
        const { kind: reason, message } = dataError;
        letters.push({ shard: first.shard, reason, entry: first.id, error: message, pack: first.json });
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#persist(batch.slice(0, half), letters, stop);
      if (stop?.aborted !== true) await this.#persist(batch.slice(half), letters, stop);
      return;
    }
    this.#metrics.persistRows.observe(result.offered);
    this.#metrics.readingsStored.inc(result.stored);
    this.#metrics.readingsKnown.inc(result.offered - result.stored);
    await this.#acknowledge(batch, result, letters);
  }

  async #acknowledge(
    batch: readonly Entry[],
    { unstorable, conflicts }: StoreResult,
    letters: ShardLetter[],
  ): Promise<void> {
    const stored = batch.filter((_, index) => !unstorable.has(index) && !conflicts.has(index));
    await Promise.all(
      [...groupIds(stored)].map(([shard, ids]) =>
        this.#redis.xack(redisKeys.readings(shard), consumerGroups.persist, ...ids),
      ),
    );
    for (const [index, { shard, id: entry, json, pack }] of batch.entries()) {
      const reason = unstorable.get(index);
      const readings = conflicts.get(index);
      if (reason !== undefined) letters.push({ shard, reason, entry, error: '', pack: json });
      else if (readings !== undefined) {
        const differing = JSON.stringify(pickReadings(pack, readings));
        letters.push({ shard, reason: 'reading-conflict', entry, error: '', pack: differing });
      }
    }
  }
}

/** Shard by shard, in the order of the log. What cannot be read becomes a letter. */
function parseEntries(
  shards: Iterable<number>,
  streams: ReadonlyMap<string, readonly StreamEntry[]>,
  letters: ShardLetter[],
): readonly Entry[] {
  const entries: Entry[] = [];
  for (const shard of shards) {
    for (const { id, value } of streams.get(redisKeys.readings(shard)) ?? []) {
      const json = value ?? '';
      const pack = parseAdmittedPack(json);
      if (pack === undefined) letters.push({ shard, reason: 'unreadable', entry: id, error: '', pack: json });
      else entries.push({ shard, id, json, pack });
    }
  }
  return entries;
}

function* batchesOf(entries: readonly Entry[], maxWeight: number): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let weight = 0;
  for (const entry of entries) {
    const own = weightOf(entry);
    if (batch.length > 0 && weight + own > maxWeight) {
      yield batch;
      batch = [];
      weight = 0;
    }
    batch.push(entry);
    weight += own;
  }
  if (batch.length > 0) yield batch;
}

/** In readings, of the usual size. */
function weightOf({ pack, json }: Entry): number {
  return Math.max(1, pack.metric.length, json.length / BYTES_PER_READING);
}

function groupIds(entries: readonly Entry[]): Map<number, string[]> {
  const ids = new Map<number, string[]>();
  for (const { shard, id } of entries) {
    const known = ids.get(shard);
    if (known === undefined) ids.set(shard, [id]);
    else known.push(id);
  }
  return ids;
}
