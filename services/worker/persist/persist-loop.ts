import { ADMITTED_PACK_FIELD, parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { GroupReader } from '../../../platform/redis/group-reader.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { PackStore } from './pack-store.ts';

export interface PersistOptions {
  readonly shardCount: number;
  readonly readCount: number;
  readonly batchReadings: number;
}

interface Entry {
  readonly shard: number;
  readonly id: string;
  readonly json: string;
  readonly pack: AdmittedPack;
}

const CONSUMER = 'shard';

/** Moves packs from the log to the store: reads as a consumer group, stores, and acknowledges after the commit. */
export class PersistLoop {
  readonly #reader: GroupReader;
  readonly #redis: Redis;
  readonly #store: PackStore;
  readonly #options: PersistOptions;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: PackStore,
    options: PersistOptions,
    observers: { readonly metrics: WorkerMetrics; readonly log: Logger },
  ) {
    this.#reader = new GroupReader({
      reader: connections.reader,
      group: consumerGroups.persist,
      consumer: CONSUMER,
      streams: shardsOf(options).map((shard) => redisKeys.readings(shard)),
      field: ADMITTED_PACK_FIELD,
      count: options.readCount,
    });
    this.#redis = connections.redis;
    this.#store = store;
    this.#options = options;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  async pass(): Promise<void> {
    await this.#reader.pass(async (streams) => {
      const entries = await this.#readable(streams);
      for (const batch of batchesOf(entries, this.#options.batchReadings)) await this.#persist(batch);
    });
  }

  /** Entries that cannot be read are buried at once. */
  async #readable(streams: ReadonlyMap<string, readonly StreamEntry[]>): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for (const shard of shardsOf(this.#options)) {
      for (const { id, value } of streams.get(redisKeys.readings(shard)) ?? []) {
        const json = value ?? '';
        const pack = parseAdmittedPack(json);
        if (pack === undefined) await this.#bury(shard, id, json, 'unreadable');
        else entries.push({ shard, id, json, pack });
      }
    }
    return entries;
  }

  async #persist(batch: readonly Entry[]): Promise<void> {
    const end = this.#metrics.persistSeconds.startTimer();
    const result = await this.#store.store(batch.map(({ pack }) => pack));
    end();
    this.#metrics.readingsStored.inc(result.stored);
    this.#metrics.readingsKnown.inc(result.offered - result.stored);
    const pipeline = this.#redis.pipeline();
    for (const [shard, ids] of groupIds(batch.filter((_, index) => !result.unstorable.has(index)))) {
      pipeline.xack(redisKeys.readings(shard), consumerGroups.persist, ...ids);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
    for (const [index, reason] of result.unstorable) {
      const entry = batch[index];
      if (entry !== undefined) await this.#bury(entry.shard, entry.id, entry.json, reason);
    }
  }

  /** An entry that can never be stored goes to the dead letters with its reason, alone; the others go on. */
  async #bury(shard: number, id: string, json: string, reason: string): Promise<void> {
    const fields = ['reason', reason, 'entry', id, ADMITTED_PACK_FIELD, json];
    // One after the other: a transaction would acknowledge even when the dead letters refuse the entry.
    await this.#redis.xadd(redisKeys.deadLetters(shard), '*', ...fields);
    await this.#redis.xack(redisKeys.readings(shard), consumerGroups.persist, id);
    this.#metrics.deadLetters.inc({ reason });
    this.#log.error({ shard, entry: id, reason }, 'an entry cannot be stored; it is in the dead letters');
  }
}

function shardsOf({ shardCount }: PersistOptions): number[] {
  return Array.from({ length: shardCount }, (_, shard) => shard);
}

function* batchesOf(entries: readonly Entry[], maxReadings: number): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let readings = 0;
  for (const entry of entries) {
    if (batch.length > 0 && readings + entry.pack.metric.length > maxReadings) {
      yield batch;
      batch = [];
      readings = 0;
    }
    batch.push(entry);
    readings += entry.pack.metric.length;
  }
  if (batch.length > 0) yield batch;
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
