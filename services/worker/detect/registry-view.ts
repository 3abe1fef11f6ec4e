import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseDeviceRecord, parseRuleRecord, type DeviceRecord } from '../../../contracts/registry.ts';
import { RuleIndex } from '../../../core/detection/rule-index.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { ProjectionCache } from '../../../platform/redis/projection-cache.ts';

const MAX_DEVICES = 100_000;

/** Devices and rules as detection sees them: from the projection in Redis, never from the database. */
export class RegistryView {
  readonly #redis: Redis;
  readonly #devices: ProjectionCache<DeviceRecord>;
  #rules: RuleIndex | undefined;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#devices = new ProjectionCache({ read: (id) => this.#readDevice(id), maxKnown: MAX_DEVICES });
  }

  device(id: string): DeviceRecord | undefined | Promise<DeviceRecord | undefined> {
    return this.#devices.find(id);
  }

  async rules(): Promise<RuleIndex> {
    if (this.#rules !== undefined) return this.#rules;
    const records = await this.#redis.hvals(redisKeys.rules);
    const rules = new RuleIndex(records.map((json) => parseRuleRecord(json)));
    this.#rules = rules;
    return rules;
  }

  clear(): void {
    this.#devices.clear();
    this.#rules = undefined;
  }

  async #readDevice(id: string): Promise<DeviceRecord | undefined> {
    const json = await this.#redis.hget(redisKeys.devices, id);
    return json === null ? undefined : parseDeviceRecord(json);
  }
}
