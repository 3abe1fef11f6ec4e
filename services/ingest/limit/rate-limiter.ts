import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import type { LimitPolicy } from '../../../core/limits/gcra.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { Allowance, judge, type LimitVerdict } from './allowance.ts';
import { KnownAllowances } from './known-allowances.ts';
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
/** The same of those who have used little of their allowance, as nearly all have. */
const REPORT_ALL_EVERY_MS = 1000;
const MAX_KEYS_PER_REPORT = 256;
const SWEEP_EVERY_MS = 10_000;
/** Slots that addresses are spread over in a cluster. */
const ADDRESS_SLOTS = 16;

/**
 * Decides before any curve arithmetic whether somebody has asked too often: everybody together, an address, a device. The
 * answer comes from memory; what was let through is reported to Redis, and the reports of all processes come back with the
 * reply. See docs/adr/0006-limits-decided-in-memory.md.
 */
export class RateLimiter {
  readonly #redis: Redis;
  readonly #limits: RateLimits;
  readonly #script: LimitScript;
  readonly #log: Logger;
  readonly #devices: KnownAllowances;
  readonly #addresses: KnownAllowances;
  readonly #unreported = new Set<Allowance>();
  /** Those of them that others have to hear of soon. */
  readonly #urgent = new Set<Allowance>();
  readonly #overall: Allowance;
  readonly #timers: NodeJS.Timeout[] = [];
  #reporting = false;
  #reportedAllMs = 0;

  constructor(options: { redis: Redis; shardCount: number; limits: RateLimits; log: Logger }) {
    this.#redis = options.redis;
    this.#limits = options.limits;
    this.#log = options.log;
    this.#script = new LimitScript(options.redis);
    this.#overall = new Allowance('overall', 0, options.limits.overall);
    this.#devices = new KnownAllowances((deviceId) => {
      const slot = shardOf(deviceId, options.shardCount);
      return { key: redisKeys.deviceLimit(slot, deviceId), slot };
    });
    this.#addresses = new KnownAllowances((address) => {
      const slot = shardOf(address, ADDRESS_SLOTS);
      return { key: redisKeys.addressLimit(slot, address), slot: options.shardCount + slot };
    });
  }

  start(): void {
    this.#timers.push(
      setInterval(() => void this.report(), REPORT_EVERY_MS),
      setInterval(() => this.#forgetWhole(Date.now() * 1000), SWEEP_EVERY_MS),
    );
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** How many devices and addresses have an allowance that is not whole. */
  get size(): number {
    return this.#devices.size + this.#addresses.size;
  }

  /**
   * A request that any policy refuses counts for none. What it is told is the allowance of the device.
   *
   * @param nowUs Unix microseconds
   */
  decide({ deviceId, deviceClass, address }: Requester, nowUs: number): LimitVerdict {
    const device = this.#devices.find(deviceId, this.#limits.device(deviceClass));
    if (address === undefined) return this.#judge([this.#overall, device], nowUs);
    return this.#judge([this.#overall, this.#addresses.find(address, this.#limits.address), device], nowUs);
  }

  /** For somebody who is no device yet. */
  decideStranger(address: string | undefined, nowUs: number): LimitVerdict {
    if (address === undefined) return this.#judge([this.#overall], nowUs);
    return this.#judge([this.#overall, this.#addresses.find(address, this.#limits.address)], nowUs);
  }

  /**
   * Tells Redis what was let through since the last report, to those who use much and, when it is time for that, to everybody.
   * One report at a time; what fails is told to nobody.
   */
  async report(): Promise<void> {
    if (this.#reporting) return;
    const allowances = this.#takeDue(Date.now());
    if (allowances.length === 0) return;
    this.#reporting = true;
    try {
      await Promise.all(this.#partsOf(allowances).map((part) => this.#send(part)));
    } catch (error) {
      this.#log.debug({ err: error }, 'rate limits could not be shared');
    } finally {
      this.#reporting = false;
    }
  }

  #takeDue(nowMs: number): Allowance[] {
    const isTimeForAll = Math.abs(nowMs - this.#reportedAllMs) >= REPORT_ALL_EVERY_MS;
    const due = [...(isTimeForAll ? this.#unreported : this.#urgent)];
    if (isTimeForAll) {
      this.#reportedAllMs = nowMs;
      this.#unreported.clear();
    } else {
      for (const allowance of due) this.#unreported.delete(allowance);
    }
    this.#urgent.clear();
    return due;
  }

  #judge(asking: readonly Allowance[], nowUs: number): LimitVerdict {
    const verdict = judge(asking, nowUs);
    if (verdict.allowed) {
      for (const allowance of asking) {
        if (allowance === this.#overall) continue;
        this.#unreported.add(allowance);
        if (allowance.isMuchUsed(nowUs)) this.#urgent.add(allowance);
      }
    }
    return verdict;
  }

  async #send(allowances: readonly Allowance[]): Promise<void> {
    const sentUs = Date.now() * 1000;
    const passed = allowances.map((allowance) => allowance.takeReport());
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

  #forgetWhole(nowUs: number): void {
    for (const known of [this.#devices, this.#addresses]) {
      known.forgetWhole(nowUs, (allowance) => this.#unreported.has(allowance));
    }
  }
}
