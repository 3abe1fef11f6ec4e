import type { WorkerStores } from './worker-stores.ts';

const TABLES = ['devices', 'device_keys', 'api_keys', 'enrolment_tokens', 'registry_requests'];

/** All of Redis and the tables that are about trust, as text. */
export async function readEverything({ redis, database }: WorkerStores): Promise<string> {
  const parts: unknown[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    if (type === 'string') parts.push(key, await redis.get(key));
    else if (type === 'hash') parts.push(key, await redis.hgetall(key));
    else if (type === 'stream') parts.push(key, await redis.xrange(key, '-', '+'));
    else throw new Error(`${key} is a ${type}, which this does not read`);
  }
  for (const table of TABLES) {
    const { rows } = await database.query<{ text: string }>(`SELECT t::text AS text FROM ${table} t`);
    parts.push(...rows.map(({ text }) => text));
  }
  return JSON.stringify(parts);
}
