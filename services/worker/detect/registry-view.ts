import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseDeviceRecord, parseRuleRecord, parseZoneRecord, type DeviceRecord } from '../../../contracts/registry.ts';
import { readAreas, RuleIndex } from '../../../core/detection/rule-index.ts';
import type { Rule } from '../../../core/detection/rule.ts';
import type { ZoneArea } from '../../../core/geo/zone-area.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { ProjectionCache } from '../../../platform/redis/projection-cache.ts';

const MAX_DEVICES = 100_000;

/** Devices and rules as detection sees them: from the projection in Redis, never from the database. */
export class RegistryView {
  readonly #redis: Redis;
  readonly #log: Logger;
  readonly #devices: ProjectionCache<DeviceRecord>;
  #rules: RuleIndex | undefined;
  /** What was read last. */
  #newest: { readonly text: string; readonly rules: RuleIndex } | undefined;
  /** Grows with each change: what was read before one is of yesterday. */
  #changes = 0;

  constructor(redis: Redis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
    this.#devices = new ProjectionCache({ read: (id) => this.#readDevice(id), maxKnown: MAX_DEVICES });
  }

  device(id: string): DeviceRecord | undefined | Promise<DeviceRecord | undefined> {
    return this.#devices.find(id);
  }

  async rules(): Promise<RuleIndex> {
    if (this.#rules !== undefined) return this.#rules;
    const changes = this.#changes;
    const records = await this.#redis.hgetall(redisKeys.rules);
    const read = Object.entries(records).flatMap(([id, json]) => this.#readRule(id, json) ?? []);
    const fenced = [...new Set(read.flatMap((rule) => (rule.kind === 'geofence' ? [rule.zone] : [])))];
    const areas = fenced.length === 0 ? [] : await this.#redis.hmget(redisKeys.zones, ...fenced);
    const text = JSON.stringify([records, fenced, areas]);
    // Devices change more often than rules do, and who follows rules looks at all states.
    const rules = this.#newest?.text === text ? this.#newest.rules : new RuleIndex(read, readZones(fenced, areas));
    this.#newest = { text, rules };
    if (changes === this.#changes) this.#rules = rules;
    return rules;
  }

  clear(): void {
    this.#changes += 1;
    this.#devices.clear();
    this.#rules = undefined;
  }

  /** One that this version cannot read, as after going back to it, keeps no other from being evaluated. */
  #readRule(id: string, json: string): Rule | undefined {
    try {
      return parseRuleRecord(json);
    } catch (error) {
      this.#log.error({ err: error, rule: id }, 'this rule cannot be read and is not evaluated');
      return undefined;
    }
  }

  async #readDevice(id: string): Promise<DeviceRecord | undefined> {
    const json = await this.#redis.hget(redisKeys.devices, id);
    return json === null ? undefined : parseDeviceRecord(json);
  }
}

function readZones(zones: readonly string[], records: readonly (string | null)[]): ReadonlyMap<string, ZoneArea> {
  return readAreas(zones.map((zone, index) => [zone, parseZoneRecord(records[index] ?? null)?.area]));
}
