import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { Allowance, judge, type LimitVerdict } from './allowance.ts';
import { LimitScript } from './limit-script.ts';

export interface RateLimits {
  /** Policies of a device, by its class; the same array for the same class. */
  readonly device: (deviceClass: string) => readonly LimitPolicy[];
  readonly address: readonly LimitPolicy[];
  /** Of this process, whoever asks. */
  readonly overall: readonly LimitPolicy[];
}

export interface Requester {
  readonly deviceId: string;
  readonly deviceClass: string;
  /** What an address counts as: an IPv4 address, or the /64 of an IPv6 address; undefined when none is known (MQTT). */
  readonly address: string | undefined;
}

/** How long other processes do not know of what this one let through. */
const REPORT_EVERY_MS = 20;
const MAX_KEYS_PER_REPORT = 256;
/** About 200 bytes each. Who is forgotten is known to Redis, and has a new allowance here until the next report. */
const MAX_KNOWN = 200_000;
const SWEEP_EVERY_MS = 10_000;
/** Slots that addresses are spread over in a cluster. */
const ADDRESS_SLOTS = 16;

/**
 * Decides before any curve arithmetic whether somebody has asked too often: everybody together, an address, a device. The
 * answer comes from memory; what was let through to those who use much is reported to Redis, and the reports of all processes
 * come back with the reply. See docs/adr/0006-limits-decided-in-memory.md.
 */
export class RateLimiter {
  readonly #redis: Redis;
  readonly #shardCount: number;
  readonly #limits: RateLimits;
  readonly #script: LimitScript;
  readonly #log: Logger;
  readonly #known = new Map<string, Allowance>();
  readonly #unreported = new Set<Allowance>();
  readonly #overall: Allowance;
  readonly #timers: NodeJS.Timeout[] = [];
  #reporting = false;

  constructor(options: { redis: Redis; shardCount: number; limits: RateLimits; log: Logger }) {
    this.#redis = options.redis;
    this.#shardCount = options.shardCount;
    this.#limits = options.limits;
    this.#log = options.log;
    this.#script = new LimitScript(options.redis);
    this.#overall = new Allowance('overall', 0, options.limits.overall);
  }

  start(): void {
    this.#timers.push(
      setInterval(() => void this.report(), REPORT_EVERY_MS),
      setInterval(() => this.#sweep(Date.now() * 1000), SWEEP_EVERY_MS),
    );
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** How many devices and addresses have an allowance that is not whole. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * A request that any policy refuses counts for none. What it is told is the allowance of the device.
   *
   * @param nowUs Unix microseconds
   */
  decide({ deviceId, deviceClass, address }: Requester, nowUs: number): LimitVerdict {
    const shard = shardOf(deviceId, this.#shardCount);
    const device = this.#find(redisKeys.deviceLimit(shard, deviceId), shard, this.#limits.device(deviceClass));
    return this.#judge([this.#overall, ...this.#findAddress(address), device], nowUs);
  }

  /** For somebody who is no device yet. */
  decideStranger(address: string | undefined, nowUs: number): LimitVerdict {
    return this.#judge([this.#overall, ...this.#findAddress(address)], nowUs);
  }

  /** Tells Redis what was let through since the last report. One at a time; what fails is told to nobody. */
  async report(): Promise<void> {
    if (this.#reporting || this.#unreported.size === 0) return;
    this.#reporting = true;
    const allowances = [...this.#unreported];
    this.#unreported.clear();
    try {
      await Promise.all(this.#partsOf(allowances).map((part) => this.#send(part)));
    } catch (error) {
      this.#log.debug({ err: error }, 'rate limits could not be shared');
    } finally {
      this.#reporting = false;
    }
  }

  #judge(asking: readonly Allowance[], nowUs: number): LimitVerdict {
    const verdict = judge(asking, nowUs);
    if (verdict.allowed) {
      for (const allowance of asking) {
        if (allowance !== this.#overall && allowance.isWorthReporting(nowUs)) this.#unreported.add(allowance);
      }
    }
    return verdict;
  }

  async #send(allowances: readonly Allowance[]): Promise<void> {
    const sentUs = Date.now() * 1000;
    const passed = allowances.map((allowance) => allowance.takeReport(sentUs));
    const arrivals = await this.#script.run(passed);
    for (const [index, allowance] of allowances.entries()) allowance.merge(arrivals[index] ?? [], sentUs);
  }

  /** Keys of different slots cannot be in one call in a cluster. */
  #partsOf(allowances: readonly Allowance[]): Allowance[][] {
    const bySlot = new Map<number, Allowance[]>();
    for (const allowance of allowances) {
      const slot = this.#redis.isCluster ? allowance.slot : 0;
      const part = bySlot.get(slot);
      if (part === undefined) bySlot.set(slot, [allowance]);
      else part.push(allowance);
    }
    return [...bySlot.values()].flatMap((all) =>
      Array.from({ length: Math.ceil(all.length / MAX_KEYS_PER_REPORT) }, (_, index) =>
        all.slice(index * MAX_KEYS_PER_REPORT, (index + 1) * MAX_KEYS_PER_REPORT),
      ),
    );
  }

  #findAddress(address: string | undefined): readonly Allowance[] {
    if (address === undefined) return [];
    const slot = shardOf(address, ADDRESS_SLOTS);
    return [this.#find(redisKeys.addressLimit(slot, address), this.#shardCount + slot, this.#limits.address)];
  }

  #find(key: string, slot: number, policies: readonly LimitPolicy[]): Allowance {
    let allowance = this.#known.get(key);
    if (allowance?.policies !== policies) {
      if (this.#known.size >= MAX_KNOWN) this.#forgetOldest();
      allowance = new Allowance(key, slot, policies);
      this.#known.set(key, allowance);
    }
    return allowance;
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  #sweep(nowUs: number): void {
    for (const [key, allowance] of this.#known) {
      if (allowance.isWhole(nowUs) && !this.#unreported.has(allowance)) this.#known.delete(key);
    }
  }
}
