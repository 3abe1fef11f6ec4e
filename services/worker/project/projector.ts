import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { WorkerObservers } from '../observers.ts';
import { ProjectionWrite, PROJECTION_HASHES, type Triple } from './projection-write.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { loadRegistryRows, loadRegistrySizes, loadRegistryVersions, type RegistryRows } from './registry-source.ts';

/**
 * Keeps the projection of the registry in Redis at the version of the database. Every write names the version that it
 * builds on and who writes, so that two projectors cannot undo each other's work; a projection that is missing, from
 * another database, or holds what the database no longer has, is made anew.
 */
export class Projector {
  readonly #redis: Redis;
  readonly #database: Pool;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  readonly #script: Script;
  readonly #raise: Script;

  readonly #shardCount: number;
  /** The trust version that this process has written to every shard. */
  #trust: string | undefined;
  #currentAtMs = performance.now();
  #version = 0;

  constructor(redis: Redis, database: Pool, shardCount: number, observers: WorkerObservers) {
    this.#redis = redis;
    this.#shardCount = shardCount;
    this.#database = database;
    this.#metrics = observers.metrics;
    this.#log = observers.log;
    this.#script = defineScript(redis, 'ttProject', 'project.lua', import.meta.url);
    this.#raise = defineScript(redis, 'ttRaiseTrust', 'raise-trust.lua', import.meta.url);
  }

  /** Of the registry in the database, as last read. */
  get version(): number {
    return this.#version;
  }

  /** Since the projection was last seen at the version of the database. */
  get staleSeconds(): number {
    return (performance.now() - this.#currentAtMs) / 1000;
  }

  async check(): Promise<void> {
    const startedMs = performance.now();
    if (await this.#bringUpToDate()) this.#currentAtMs = startedMs;
  }

  /** False when another projector came in between. */
  async #bringUpToDate(): Promise<boolean> {
    const [{ version, trust }, projected] = await Promise.all([
      loadRegistryVersions(this.#database),
      this.#redis.get(redisKeys.registryVersion),
    ]);
    this.#version = Number(version);
    if (projected === version && trust === this.#trust) return true;
    const write = new ProjectionWrite(this.#script, randomUUID(), projected ?? '');
    const isNew = projected === null || BigInt(projected) > BigInt(version);
    if (!isNew && !(await write.parts(triplesOf(await loadRegistryRows(this.#database, projected))))) return false;
    const whole = isNew || (await this.#holdsTooMuch());
    if (whole) {
      const rows = await loadRegistryRows(this.#database, '0');
      if (!(await write.parts([...triplesOf(rows), ...(await this.#leftovers(rows))]))) return false;
    }
    // After the records and before the version: who is told that the trust has changed finds the new records.
    if (isNew || trust !== this.#trust) await this.#raiseTrust(trust, isNew);
    const isDone = await write.finish(version);
    if (isDone) {
      this.#metrics.projections.inc();
      this.#log.info({ version, whole, changes: write.changes }, 'the registry is projected');
    }
    return isDone;
  }

  /** A row that was deleted leaves no trace in the database but its absence. */
  async #holdsTooMuch(): Promise<boolean> {
    const { devices, apiKeys, rules, zones, enrolmentTokens, ipBlocks } = await loadRegistrySizes(this.#database);
    const held = await Promise.all(PROJECTION_HASHES.map((hash) => this.#redis.hlen(hash)));
    return [devices, apiKeys, rules, zones, enrolmentTokens, ipBlocks].some((size, index) => (held[index] ?? 0) > size);
  }

  async #raiseTrust(trust: string, whole: boolean): Promise<void> {
    const shards = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    await Promise.all(shards.map((shard) => this.#raise([redisKeys.trust(shard)], [trust, whole ? '1' : ''])));
    this.#trust = trust;
  }

  /** Fields in Redis that the database does not have. */
  async #leftovers(rows: RegistryRows): Promise<Triple[]> {
    const known = mapsOf(rows);
    const triples: Triple[] = [];
    for (const [index, hash] of PROJECTION_HASHES.entries()) {
      for (const field of await this.#redis.hkeys(hash)) {
        if (known[index]?.has(field) !== true) triples.push([index + 1, field, '']);
      }
    }
    return triples;
  }
}

function triplesOf(rows: RegistryRows): Triple[] {
  return mapsOf(rows).flatMap((records, index) =>
    [...records].map(([field, record]): Triple => [index + 1, field, record === null ? '' : JSON.stringify(record)]),
  );
}

/** In the order of the hashes. */
function mapsOf(rows: RegistryRows): readonly ReadonlyMap<string, unknown>[] {
  return [rows.devices, rows.apiKeys, rows.rules, rows.zones, rows.enrolmentTokens, rows.ipBlocks];
}
