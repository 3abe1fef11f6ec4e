import { zoneAreaSchema, type ZoneArea } from '../geo/zone-area.ts';
import { POSITION } from './reading-evaluation.ts';
import type { DeviceRule, QuorumRule, Rule } from './rule.ts';

export interface RuleTarget {
  readonly device: string;
  readonly zones: readonly string[];
  readonly tags: readonly string[];
}

/** Rules of one metric, each at one of the names that its scope has, or at none. */
interface Scoped {
  readonly everywhere: DeviceRule[];
  readonly byDevice: Map<string, DeviceRule[]>;
  readonly byZone: Map<string, DeviceRule[]>;
  readonly byTag: Map<string, DeviceRule[]>;
}

/** The rules that apply to a reading, found by its metric and device: cost grows with those, not with all rules. */
export class RuleIndex {
  /** Also those that are not enabled. */
  readonly quorums: readonly QuorumRule[];
  readonly #byId: ReadonlyMap<string, DeviceRule>;
  readonly #triggerRules: ReadonlySet<string>;
  readonly #byMetric = new Map<string, Scoped>();
  readonly #areas: ReadonlyMap<string, ZoneArea>;

  /** @param areas of zones, by id: those that geofences look at */
  constructor(rules: readonly Rule[], areas: ReadonlyMap<string, ZoneArea> = new Map()) {
    this.#areas = areas;
    this.quorums = rules.filter((rule): rule is QuorumRule => rule.kind === 'quorum');
    const ofDevices = rules.filter((rule): rule is DeviceRule => rule.kind !== 'quorum');
    this.#byId = new Map(ofDevices.map((rule) => [rule.id, rule]));
    this.#triggerRules = new Set(ofDevices.filter(({ emits }) => emits === 'trigger').map(({ id }) => id));
    for (const rule of ofDevices) {
      if (!rule.enabled) continue;
      for (const metric of rule.kind === 'geofence' ? [POSITION] : rule.scope.metrics) this.#add(metric, rule);
    }
  }

  /** Also one that is not enabled. */
  find(id: string): DeviceRule | undefined {
    return this.#byId.get(id);
  }

  areaOf(zone: string): ZoneArea | undefined {
    return this.#areas.get(zone);
  }

  /** Also of a rule that is not enabled. */
  emitsTriggers(id: string): boolean {
    return this.#triggerRules.has(id);
  }

  /** Of those that look at any of the metrics. */
  triggerRulesFor(metrics: Iterable<string>, target: RuleTarget): readonly DeviceRule[] {
    if (this.#triggerRules.size === 0) return [];
    const found = [...metrics].flatMap((metric) => this.rulesFor(metric, target));
    return [...new Set(found)].filter(({ emits }) => emits === 'trigger');
  }

  rulesFor(metric: string, target: RuleTarget): readonly DeviceRule[] {
    const scoped = this.#byMetric.get(metric);
    if (scoped === undefined) return [];
    const { everywhere, byDevice, byZone, byTag } = scoped;
    const candidates = [
      everywhere,
      byDevice.get(target.device) ?? [],
      ...target.zones.map((zone) => byZone.get(zone) ?? []),
      ...target.tags.map((tag) => byTag.get(tag) ?? []),
    ].filter((rules) => rules.length > 0);
    // A device may be in two zones of one rule.
    const found = candidates.length === 1 ? (candidates[0] ?? []) : [...new Set(candidates.flat())];
    return found.every((rule) => isInScope(rule, target)) ? found : found.filter((rule) => isInScope(rule, target));
  }

  #add(metric: string, rule: DeviceRule): void {
    let scoped = this.#byMetric.get(metric);
    if (scoped === undefined) {
      scoped = { everywhere: [], byDevice: new Map(), byZone: new Map(), byTag: new Map() };
      this.#byMetric.set(metric, scoped);
    }
    const { devices, zones, tags } = rule.scope;
    if (devices !== undefined) addAt(scoped.byDevice, devices, rule);
    else if (zones !== undefined) addAt(scoped.byZone, zones, rule);
    else if (tags !== undefined) addAt(scoped.byTag, tags, rule);
    else scoped.everywhere.push(rule);
  }
}

/** Areas of zones as the registry has them. What is none is left out. */
export function readAreas(areas: Iterable<readonly [string, unknown]>): ReadonlyMap<string, ZoneArea> {
  const read = new Map<string, ZoneArea>();
  for (const [zone, area] of areas) {
    const parsed = zoneAreaSchema.safeParse(area);
    if (parsed.success) read.set(zone, parsed.data);
  }
  return read;
}

function addAt(rules: Map<string, DeviceRule[]>, names: readonly string[], rule: DeviceRule): void {
  for (const name of new Set(names)) {
    const known = rules.get(name);
    if (known === undefined) rules.set(name, [rule]);
    else known.push(rule);
  }
}

export function isInScope({ scope }: DeviceRule, target: RuleTarget): boolean {
  if (scope.devices !== undefined && !scope.devices.includes(target.device)) return false;
  if (scope.zones !== undefined && !scope.zones.some((zone) => target.zones.includes(zone))) return false;
  return scope.tags === undefined || scope.tags.some((tag) => target.tags.includes(tag));
}
