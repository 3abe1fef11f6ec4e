import type { Pool } from 'pg';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import { loadRegistryRows, loadRegistryVersion, type RegistryRows } from './registry-source.ts';

const HASHES = [redisKeys.devices, redisKeys.apiKeys, redisKeys.rules, redisKeys.zones] as const;
/** A larger part would hold Redis up for more than a few milliseconds. */
const TRIPLES_PER_PART = 500;

type Triple = readonly [hash: number, field: string, value: string];

/**
 * Keeps the projection of the registry in Redis at the version of the database. Every write names the version that it
 * builds on, so that two projectors cannot undo each other's work; a projection that is missing or from another database
 * is made anew.
 */
export class Projector {
  readonly #redis: Redis;
  readonly #database: Pool;
  readonly #log: Logger;
  readonly #write: Script;

  constructor(redis: Redis, database: Pool, log: Logger) {
    this.#redis = redis;
    this.#database = database;
    this.#log = log;
    this.#write = defineScript(redis, 'ttProject', 'project.lua', import.meta.url);
  }

  async check(): Promise<void> {
    const [version, projected] = await Promise.all([
      loadRegistryVersion(this.#database),
      this.#redis.get(redisKeys.registryVersion),
    ]);
    if (projected === version) return;
    const whole = projected === null || BigInt(projected) > BigInt(version);
    const rows = await loadRegistryRows(this.#database, whole ? '0' : projected);
    const triples = [...triplesOf(rows), ...(whole ? await this.#leftovers(rows) : [])];
    if (await this.#writeAll(triples, projected ?? '', version)) {
      this.#log.info({ version, whole, changes: triples.length }, 'the registry is projected');
    }
  }

  /** False when another projector was faster. */
  async #writeAll(triples: readonly Triple[], from: string, to: string): Promise<boolean> {
    const parts = Math.max(1, Math.ceil(triples.length / TRIPLES_PER_PART));
    for (let part = 0; part < parts; part += 1) {
      const values = triples.slice(part * TRIPLES_PER_PART, (part + 1) * TRIPLES_PER_PART).flat();
      const next = part === parts - 1 ? to : '';
      const reply = await this.#write(
        [redisKeys.registryVersion, ...HASHES],
        [from, next, redisChannels.registryChanged, ...values],
      );
      if (reply !== 1) return false;
    }
    return true;
  }

  /** Fields in Redis that the database does not have. */
  async #leftovers(rows: RegistryRows): Promise<Triple[]> {
    const known = [rows.devices, rows.apiKeys, rows.rules, rows.zones];
    const triples: Triple[] = [];
    for (const [index, hash] of HASHES.entries()) {
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
