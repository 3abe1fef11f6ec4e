/**
 * When the log of a shard began. Text in Redis: `<created>:<refuse at or before>`, both Unix milliseconds. A log that
 * replaces a lost one refuses envelopes created before it, because the replay state went with the old log; a log that is
 * the first of its installation has nothing to replay and refuses none (`refuse at or before` is 0).
 */
export interface ShardEpoch {
  readonly createdMs: number;
  readonly refuseAtOrBeforeMs: number;
}

/** How far ahead of ours a device's clock may be: what it signed then could still be replayed into a new log. */
export const EARLY_SKEW_MS = 30_000;

export function formatShardEpoch(epoch: ShardEpoch): string {
  return `${epoch.createdMs}:${epoch.refuseAtOrBeforeMs}`;
}
