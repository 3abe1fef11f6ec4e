import { z } from 'zod';
import type { Redis } from './open-redis.ts';

const groupsSchema = z.array(z.array(z.unknown()));

/** Entries of a stream that a group has not acknowledged, read or not; undefined when there is no such group. */
export async function readGroupBacklog(redis: Redis, stream: string, group: string): Promise<number | undefined> {
  let reply: unknown;
  try {
    reply = await redis.xinfo('GROUPS', stream);
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such key')) return undefined;
    throw error;
  }
  for (const flat of groupsSchema.parse(reply)) {
    const valueOf = (name: string): unknown => flat[flat.indexOf(name) + 1];
    if (valueOf('name') === group) return Number(valueOf('pending')) + Number(valueOf('lag') ?? 0);
  }
  return undefined;
}
