import { Cluster } from 'ioredis';
import type { Redis } from './open-redis.ts';

/**
 * What `send` asks for before it returns goes to the server in one write: the system call costs several times as much as
 * the command. The nodes of a cluster have connections of their own.
 */
export function inOneWrite(redis: Redis, send: () => void): void {
  if (redis instanceof Cluster || redis.status !== 'ready') {
    send();
    return;
  }
  const { stream } = redis;
  stream.cork();
  try {
    send();
  } finally {
    stream.uncork();
  }
}
