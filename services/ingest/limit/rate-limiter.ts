import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { decideRate, type LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { TurnBatcher } from '../turn-batcher.ts';
import { LimitScript, type Count, type Countable } from './limit-script.ts';

export interface RateLimits {
  /** Policies of a device, by its class; every class has equally many. */
  readonly device: (deviceClass: string) => readonly LimitPolicy[];
  readonly address: LimitPolicy;
  /** Of this process, whoever asks. */
  readonly overall: LimitPolicy;
}

export interface Requester {
  readonly deviceId: string;
  readonly deviceClass: string;
  /** What an address counts as: an IPv4 address, or the /64 of an IPv6 address; undefined when none is known (MQTT). */
  readonly address: string | undefined;
}

export interface Allowance {
  readonly policy: LimitPolicy;
  readonly remaining: number;
}

export type LimitVerdict =
  | { readonly allowed: true; readonly least: Allowance }
  | { readonly allowed: false; readonly policy: LimitPolicy; readonly waitUs: number };

const MAX_BATCH = 128;
/** Slots that addresses are spread over in a cluster. */
const ADDRESS_SLOTS = 16;

/** Decides before any curve arithmetic whether somebody has asked too often: everybody together, an address, a device. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #shardCount: number;
  readonly #devices: TurnBatcher<Countable, Count>;
  readonly #addresses: TurnBatcher<Countable, Count>;
  #overallArrivalUs = 0;

  constructor(redis: Redis, shardCount: number, limits: RateLimits) {
    this.#limits = limits;
    this.#shardCount = shardCount;
    const script = new LimitScript(redis);
    const options = {
      redis,
      maxBatch: MAX_BATCH,
      run: (_slot: number, items: readonly Countable[]) => script.run(items),
    };
    this.#devices = new TurnBatcher(options);
    this.#addresses = new TurnBatcher(options);
  }

  /** Rejects when Redis does not answer. */
  async decide(requester: Requester, nowUs: number): Promise<LimitVerdict> {
    const all = this.#countOverall(nowUs);
    if (!all.allowed) return all;
    const [device, address] = await Promise.all([this.#countDevice(requester), this.#countAddress(requester)]);
    return address?.allowed === false ? address : device;
  }

  /** For somebody who is no device yet. Rejects when Redis does not answer. */
  async decideStranger(address: string | undefined, nowUs: number): Promise<LimitVerdict> {
    const all = this.#countOverall(nowUs);
    return all.allowed ? ((await this.#countAddress({ address })) ?? all) : all;
  }

  #countOverall(nowUs: number): LimitVerdict {
    const { overall } = this.#limits;
    const { allowed, arrivalUs, remaining, retryAfterUs } = decideRate(overall, this.#overallArrivalUs, nowUs);
    if (!allowed) return { allowed: false, policy: overall, waitUs: retryAfterUs };
    this.#overallArrivalUs = arrivalUs;
    return { allowed: true, least: { policy: overall, remaining } };
  }

  async #countDevice({ deviceId, deviceClass }: Requester): Promise<LimitVerdict> {
    const shard = shardOf(deviceId, this.#shardCount);
    const policies = this.#limits.device(deviceClass);
    const key = redisKeys.deviceLimit(shard, deviceId);
    return verdictOf(await this.#devices.run(shard, { key, policies }), policies);
  }

  async #countAddress({ address }: Pick<Requester, 'address'>): Promise<LimitVerdict | undefined> {
    if (address === undefined) return undefined;
    const slot = shardOf(address, ADDRESS_SLOTS);
    const policies = [this.#limits.address];
    const key = redisKeys.addressLimit(slot, address);
    return verdictOf(await this.#addresses.run(slot, { key, policies }), policies);
  }
}

function verdictOf({ refusedBy, waitUs, remaining }: Count, policies: readonly LimitPolicy[]): LimitVerdict {
  if (refusedBy !== undefined) return { allowed: false, policy: refusedBy, waitUs };
  const allowances = policies.map((policy, index) => ({ policy, remaining: remaining[index] ?? 0 }));
  return {
    allowed: true,
    least: allowances.reduce((least, next) => (next.remaining < least.remaining ? next : least)),
  };
}
