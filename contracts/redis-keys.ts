/** A hash tag whose data one worker at a time works on: a shard by its number, or what is not a shard's. */
export type LeaseTag = number | 'alerts' | 'registry' | 'security' | 'triggers';

/** Under which somebody may speak for alerts. An operator needs no lease. */
export type FenceTag = LeaseTag | 'operator';

/**
 * Every key in Redis. The braces are hash tags: keys of one tag live on one node of a cluster, and a script may use them
 * together.
 */
export const redisKeys = {
  /** Stream of admitted packs of one shard. */
  readings: (shard: number) => `tt:{${shard}}:readings`,
  /** When the log of the shard began, and what it refuses: see contracts/shard-epoch.ts. */
  epoch: (shard: number) => `tt:{${shard}}:epoch`,
  /** Written to have a write that replicas can be waited for. */
  barrier: (shard: number) => `tt:{${shard}}:barrier`,
  /** Version of the registry at its last change of what devices may do: what was decided by an older one is decided again. */
  trust: (shard: number) => `tt:{${shard}}:trust`,
  /** Replay window of one device key: highest nonce and a bitmap of those below it. */
  replay: (shard: number, thumbprint: string) => `tt:{${shard}}:replay:${thumbprint}`,
  /** Hash: metrics of one device to their units, once a pack has brought a metric that the projection did not have. */
  metrics: (shard: number, deviceId: string) => `tt:{${shard}}:metrics:${deviceId}`,
  /** Rate limit of one device: when its allowance is whole again. */
  deviceLimit: (shard: number, deviceId: string) => `tt:{${shard}}:limit:${deviceId}`,
  /** Rate limit of one source address, spread over slots of their own. */
  addressLimit: (slot: number, address: string) => `tt:{ip:${slot}}:limit:${address}`,
  /** Stream of entries that cannot be stored, each with its reason. */
  deadLetters: (shard: number) => `tt:{${shard}}:dead`,
  /** Hash: where detection stands in the shard, and its state per rule and subject. */
  detect: (shard: number) => `tt:{${shard}}:detect`,
  /** Hash: `<rule>|<device>` to when it was heard, of rules that emit triggers: see contracts/heard.ts. */
  heard: (shard: number) => `tt:{${shard}}:heard`,
  /** Grows with every change of `heard` by workers after version 0.1. */
  heardVersion: (shard: number) => `tt:{${shard}}:heard-version`,

  /** Hash: which worker works on what lies under the tag, until when, and its fencing token. */
  lease: (tag: LeaseTag) => `tt:{${tag}}:lease`,
  /** Sorted set of workers by when they were last heard of, Unix milliseconds. */
  workers: 'tt:{registry}:workers',

  /** The number of shards that the data was laid out for. */
  shardCount: 'tt:{registry}:shards',
  /** Version of the projection; grows with every change. */
  registryVersion: 'tt:{registry}:version',
  /** Who writes the projection: the last one that began. */
  registryWriter: 'tt:{registry}:writer',
  /** Hash: device id to its record. */
  devices: 'tt:{registry}:devices',
  /** Hash: API key id to its record. */
  apiKeys: 'tt:{registry}:api-keys',
  /** Hash: rule id to its newest version. */
  rules: 'tt:{registry}:rules',
  /** Hash: zone id to its name and GeoJSON area. */
  zones: 'tt:{registry}:zones',
  /** Hash: SHA-256 of an enrolment token that nobody has used yet, base64url, to its record. */
  enrolmentTokens: 'tt:{registry}:enrolment-tokens',
  /** Hash: network that operators refuse to its record. */
  ipBlocks: 'tt:{registry}:ip-blocks',
  /** Stream of what devices ask the registry to change. */
  requests: 'tt:{registry}:requests',
  /** Where one of these requests stands; kept for a day. */
  requestState: (id: string) => `tt:{registry}:request:${id}`,

  /** Stream of transitions. */
  alerts: 'tt:{alerts}',
  /** Names this history of that stream: another one when it has lost what somebody has seen of it. */
  alertEpoch: 'tt:{alerts}:epoch',
  /** Hash: `<rule>|<subject>` to version, status and what changed it last. */
  alertState: 'tt:{alerts}:state',
  /** Hash: `<rule>|<subject>` to its last transition, by contracts/alert-record.ts, until a while after its end. */
  alertRecords: 'tt:{alerts}:records',
  /** Hash: lease to the highest fencing token that has spoken under it; nobody with a lower one may any more. */
  alertFence: 'tt:{alerts}:fence',

  /** Stream of triggers: what rules find at single devices, for quorums. */
  triggers: 'tt:{triggers}',
  /** Hash: `<rule>|<device>` to the cause of its last trigger; one that is not newer is dropped. */
  triggerCauses: 'tt:{triggers}:causes',
  /** As `alertFence`, for the shards that append triggers. */
  triggerFence: 'tt:{triggers}:fence',
  /** Hash: where association stands in the triggers, and its state per quorum rule. */
  associate: 'tt:{triggers}:associate',

  /**
   * Stream of security events. The one stream that is bounded by its length: whoever attacks must not fill Redis, and an
   * event that nobody stored in time is not worth a reading.
   */
  securityEvents: 'tt:{security}:events',
  /** Hash: blocked source to its block, by contracts/source-block.ts. */
  blocks: 'tt:{security}:blocks',
  /** Sorted set of the same sources by when they can be forgotten, Unix milliseconds. */
  blocksEnd: 'tt:{security}:blocks-end',
  /** Stream of changes of blocks, bounded: who starts reads the hash. */
  blockChanges: 'tt:{security}:block-changes',
  /** Exists while an envelope of the source was admitted a short time ago; not kept on the disk. */
  admittedFrom: (source: string) => `tt:{security}:admitted:${source}`,
} as const;

export const redisChannels = {
  /** Message: the new registry version, when the projection has changed. */
  registryChanged: 'tt:{registry}:changed',
  /** Message: a transition with its place in the stream, by contracts/alert-transition.ts. */
  alerts: 'tt:{alerts}',
} as const;

export const consumerGroups = {
  /** Of each shard's readings: stores them. */
  persist: 'persist',
  /** Of the alert stream: stores the transitions. */
  storeAlerts: 'store',
  /** Of the requests to the registry: carries them out. */
  carryOut: 'carry-out',
  /** Of the security events: stores them. */
  storeSecurityEvents: 'store',
} as const;
