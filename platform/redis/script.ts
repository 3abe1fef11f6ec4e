import { readFileSync } from 'node:fs';
import type { Redis } from './open-redis.ts';

/** A Lua script on a connection: sent by its hash, loaded when the server does not know it. Answers the raw reply. */
export type Script = (keys: readonly string[], values: readonly (string | number)[]) => Promise<unknown>;

/** @param file name of the script, which lies beside the module that uses it; the build copies it there */
export function defineScript(redis: Redis, name: string, file: string, moduleUrl: string): Script {
  redis.defineCommand(name, { lua: readFileSync(new URL(file, moduleUrl), 'utf8') });
  // ioredis adds a defined command as a method that no type declares.
  const method: unknown = Reflect.get(redis, name);
  if (typeof method !== 'function') throw new Error(`the command ${name} was not defined`);
  return async (keys, values) => {
    const reply: unknown = await Reflect.apply(method, redis, [keys.length, ...keys, ...values]);
    return reply;
  };
}
