import { ADMITTED_PACK_FIELD, parseAdmittedPack, type AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { consumerGroups, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { parseStreamReply } from '../../../platform/redis/stream-reply.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { ReadingsStore } from './readings-store.ts';

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

const BLOCK_MS = 500;
/** The consumer's name is the same in every worker, so that one that takes over finds the unacknowledged entries as its own. */
const CONSUMER = 'shard';

/** Moves readings from the log to the store: reads as a consumer group, stores, and acknowledges after the commit. */
export class PersistLoop {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly #reader: Redis;
  readonly #redis: Redis;
  readonly #store: ReadingsStore;
  readonly #options: PersistOptions;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  /** What was read and not acknowledged, by us before a fault or by another before us, comes before anything new. */
  #unacknowledgedFirst = true;

  constructor(
    connections: { readonly reader: Redis; readonly redis: Redis },
    store: ReadingsStore,
    options: PersistOptions,
    observers: { readonly metrics: WorkerMetrics; readonly log: Logger },
  ) {
    this.#reader = connections.reader;
    this.#redis = connections.redis;
    this.#store = store;
    this.#options = options;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
  }

  async pass(): Promise<void> {
    try {
      const { found, entries } = await this.#read();
      if (found === 0) this.#unacknowledgedFirst = false;
      for (const batch of batchesOf(entries, this.#options.batchReadings)) await this.#persist(batch);
    } catch (error) {
      this.#unacknowledgedFirst = true;
      throw error;
    }
  }

  /** Entries that cannot be read are found, and buried at once. */
  async #read(): Promise<{ readonly found: number; readonly entries: readonly Entry[] }> {
    const shards = Array.from({ length: this.#options.shardCount }, (_, shard) => shard);
    const streams = shards.map((shard) => redisKeys.readings(shard));
    const from = shards.map(() => (this.#unacknowledgedFirst ? '0' : '>'));
    const reply: unknown = await this.#reader.xreadgroup(
      'GROUP',
      consumerGroups.persist,
      CONSUMER,
      'COUNT',
      this.#options.readCount,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      ...streams,
      ...from,
    );
    const entries: Entry[] = [];
    let found = 0;
    for (const [stream, inStream] of parseStreamReply(reply, ADMITTED_PACK_FIELD)) {
      const shard = streams.indexOf(stream);
      found += inStream.length;
      for (const { id, value } of inStream) {
        const json = value ?? '';
        const pack = parseAdmittedPack(json);
        if (pack === undefined) await this.#bury(shard, id, json, 'unreadable');
        else entries.push({ shard, id, json, pack });
      }
    }
    return { found, entries };
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
