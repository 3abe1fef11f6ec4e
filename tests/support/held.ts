import type { Fence } from '../../platform/redis/alert-log/alert-log.ts';
import { SHARD_COUNT } from './worker-stores.ts';

/** The fencing token of a worker that nobody contends with. */
export const TOKEN = 1;

/** What a worker that is alone has. */
export const EVERY_SHARD: ReadonlyMap<number, number> = new Map(
  Array.from({ length: SHARD_COUNT }, (_, shard) => [shard, TOKEN]),
);

export const FENCE: Fence = { lease: 0, token: TOKEN };
