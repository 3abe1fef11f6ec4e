import type { Redis } from './open-redis.ts';

/** Where what was written has to be before it counts, beside the memory of the Redis that took it. */
export interface SafetyWait {
  /** How many. */
  readonly replicas: number;
  /** On their disks, and on that of the server itself, and not in their memory alone. */
  readonly onDisk: boolean;
  /** After it the outcome is not known. */
  readonly timeoutMs: number;
}

/**
 * Resolves when all that was written before is safe; rejects when it is not in time.
 *
 * @param lead  a key of the node that was written to: WAIT and WAITAOF have none and would go to any node of a cluster
 * @param write whether nothing has been written on this connection that comes after what is to be safe: Redis waits for the last
 *   write of a connection, and since 7.2 for no more than that. The key is written then.
 */
export async function untilSafe(redis: Redis, lead: string, write: boolean, safety: SafetyWait): Promise<void> {
  const { replicas, onDisk, timeoutMs } = safety;
  const pipeline = redis.pipeline();
  if (write) pipeline.set(lead, '1');
  else pipeline.exists(lead);
  if (onDisk) pipeline.call('waitaof', 1, replicas, timeoutMs);
  else pipeline.wait(replicas, timeoutMs);
  const results = (await pipeline.exec()) ?? [];
  for (const [error] of results) if (error !== null) throw error;
  const reply = results[1]?.[1];
  const [own, others] = onDisk && Array.isArray(reply) ? reply.map(Number) : [1, Number(reply)];
  if (!(own === 1 && (others ?? NaN) >= replicas)) {
    throw new Error(`${own} servers and ${others} of ${replicas} replicas have it in time`);
  }
}
