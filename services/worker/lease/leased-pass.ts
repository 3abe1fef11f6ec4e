import { setTimeout as delay } from 'node:timers/promises';
import type { LeaseTag } from '../../../contracts/redis-keys.ts';
import type { Held } from './leases.ts';

/** How soon a worker that has nothing to do looks whether it has. */
const WITHOUT_LEASE_MS = 100;

/** Those of the shards that this worker has, to their fencing tokens. */
export function heldShards(held: Held, shards: readonly number[]): ReadonlyMap<number, number> {
  const tokens = new Map<number, number>();
  for (const shard of shards) {
    const token = held.tokenOf(shard);
    if (token !== undefined) tokens.set(shard, token);
  }
  return tokens;
}

/** A pass over those of the shards that this worker has. */
export function passOverShards(
  held: Held,
  among: readonly number[],
  pass: (shards: ReadonlyMap<number, number>, stop: AbortSignal) => Promise<void>,
): (stop: AbortSignal) => Promise<void> {
  return async (stop) => {
    const shards = heldShards(held, among);
    await (shards.size > 0 ? pass(shards, stop) : delay(WITHOUT_LEASE_MS));
  };
}

/** A pass while this worker has the lease. */
export function passUnderLease(
  held: Held,
  tag: LeaseTag,
  pass: (token: number, stop: AbortSignal) => Promise<void>,
): (stop: AbortSignal) => Promise<void> {
  return async (stop) => {
    const token = held.tokenOf(tag);
    await (token !== undefined ? pass(token, stop) : delay(WITHOUT_LEASE_MS));
  };
}
