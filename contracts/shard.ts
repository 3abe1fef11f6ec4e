export const DEFAULT_SHARD_COUNT = 16;

/** FNV-1a, 32 bits, of the device id (ASCII by its grammar), mod the number of shards. */
export function shardOf(deviceId: string, shardCount: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < deviceId.length; i += 1) {
    hash = Math.imul(hash ^ deviceId.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % shardCount;
}
