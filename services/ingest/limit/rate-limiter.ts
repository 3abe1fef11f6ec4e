import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { decideRate, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { CallBatcher } from '../call-batcher.ts';
import { LimitScript, type Count, type Countable } from './limit-script.ts';

export interface RateLimits {
  /** Policies of a device, by its class; the same array for the same class. */
  readonly device: (deviceClass: string) => readonly LimitPolicy[];
  readonly address: readonly LimitPolicy[];
  /** Of this process, whoever asks. */
  readonly overall: LimitPolicy;
}

export interface Requester {
  readonly deviceId: string;
  readonly deviceClass: string;
  /** What an address counts as: an IPv4 address, or the /64 of an IPv6 address; undefined when none is known (MQTT). */
  readonly address: string | undefined;
}

const MAX_BATCH = 128;
/** Slots that addresses are spread over in a cluster. */
const ADDRESS_SLOTS = 16;

/** Decides before any curve arithmetic whether somebody has asked too often: everybody together, an address, a device. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #shardCount: number;
  readonly #counter: CallBatcher<Countable, Count>;
  #overallArrivalUs = 0;

  constructor(redis: Redis, shardCount: number, limits: RateLimits) {
    this.#limits = limits;
    this.#shardCount = shardCount;
    const script = new LimitScript(redis);
    this.#counter = new CallBatcher({ redis, maxBatch: MAX_BATCH, run: (items) => script.run(items) });
  }

  /** Rejects when Redis does not answer. */
  async decide(requester: Requester, nowUs: number): Promise<Count> {
    const { overall } = this.#limits;
    const all = decideRate(overall, this.#overallArrivalUs, nowUs);
    if (!all.allowed) return { allowed: false, refusedBy: overall, waitUs: all.retryAfterUs };
    this.#overallArrivalUs = all.arrivalUs;

    const device = this.#countDevice(requester);
    if (requester.address === undefined) return await device;
    const [ofDevice, ofAddress] = await Promise.all([device, this.#countAddress(requester.address)]);
    return ofAddress.allowed ? ofDevice : ofAddress;
  }

  #countDevice({ deviceId, deviceClass }: Requester): Promise<Count> {
    const shard = shardOf(deviceId, this.#shardCount);
    const key = redisKeys.deviceLimit(shard, deviceId);
    return this.#counter.run(shard, { key, policies: this.#limits.device(deviceClass) });
  }

  #countAddress(address: string): Promise<Count> {
    const slot = shardOf(address, ADDRESS_SLOTS);
    const key = redisKeys.addressLimit(slot, address);
    return this.#counter.run(this.#shardCount + slot, { key, policies: this.#limits.address });
  }
}
