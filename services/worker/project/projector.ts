import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { ProjectionWrite, PROJECTION_HASHES, type Triple } from './projection-write.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { loadRegistryRows, loadRegistrySizes, loadRegistryVersion, type RegistryRows } from './registry-source.ts';

/**
 * Keeps the projection of the registry in Redis at the version of the database. Every write names the version that it
 * builds on and who writes, so that two projectors cannot undo each other's work; a projection that is missing, from
 * another database, or holds what the database no longer has, is made anew.
 */
export class Projector {
  readonly #redis: Redis;
  readonly #database: Pool;
  readonly #log: Logger;
  readonly #script: Script;

  constructor(redis: Redis, database: Pool, log: Logger) {
    this.#redis = redis;
    this.#database = database;
    this.#log = log;
    this.#script = defineScript(redis, 'ttProject', 'project.lua', import.meta.url);
  }

  async check(): Promise<void> {
    const [version, projected] = await Promise.all([
      loadRegistryVersion(this.#database),
      this.#redis.get(redisKeys.registryVersion),
    ]);
    if (projected === version) return;
    const write = new ProjectionWrite(this.#script, randomUUID(), projected ?? '');
    const isNew = projected === null || BigInt(projected) > BigInt(version);
    if (!isNew && !(await write.parts(triplesOf(await loadRegistryRows(this.#database, projected))))) return;
    const whole = isNew || (await this.#holdsTooMuch());
    if (whole) {
      const rows = await loadRegistryRows(this.#database, '0');
      if (!(await write.parts([...triplesOf(rows), ...(await this.#leftovers(rows))]))) return;
    }
    if (await write.finish(version)) {
      this.#log.info({ version, whole, changes: write.changes }, 'the registry is projected');
    }
  }

  /** A row that was deleted leaves no trace in the database but its absence. */
  async #holdsTooMuch(): Promise<boolean> {
    const { devices, apiKeys, rules, zones } = await loadRegistrySizes(this.#database);
    const held = await Promise.all(PROJECTION_HASHES.map((hash) => this.#redis.hlen(hash)));
    return [devices, apiKeys, rules, zones].some((size, index) => (held[index] ?? 0) > size);
  }

  /** Fields in Redis that the database does not have. */
  async #leftovers(rows: RegistryRows): Promise<Triple[]> {
    const known = [rows.devices, rows.apiKeys, rows.rules, rows.zones];
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
  return [rows.devices, rows.apiKeys, rows.rules, rows.zones].flatMap((records, index) =>
    [...records].map(([field, record]): Triple => [index + 1, field, JSON.stringify(record)]),
  );
}
