import { createHash } from 'node:crypto';
import RBush from 'rbush';
import {
  boxesOf,
  canonicalText,
  decidePassage,
  type AlertFilters,
  type Passage,
} from '../../../core/alerts/alert-filter.ts';
import type { Position } from '../../../core/geo/position.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';

const KEY_LENGTH = 22;

/** What one or more subscribers asked for; those who asked for the same share it. */
export class FilterSet {
  /** Hash of the filters: the topic of its subscribers. */
  readonly key: string;
  readonly filters: AlertFilters;
  subscribers = 0;
  /** When its subscribers were told something, by the clock of the process. */
  toldAtMs = -Infinity;

  constructor(key: string, filters: AlertFilters) {
    this.key = key;
    this.filters = filters;
  }
}

interface IndexedBox {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly set: FilterSet;
}

/**
 * The distinct filter sets that somebody has, found by where an alert is: what an alert costs does not grow with those who
 * asked for other places.
 */
export class FilterSets {
  readonly #sets = new Map<string, FilterSet>();
  readonly #boxes = new RBush<IndexedBox>();
  readonly #boxesOf = new Map<FilterSet, readonly IndexedBox[]>();
  readonly #byZone = new Map<string, Set<FilterSet>>();
  /** Have a filter that asks for no place. */
  readonly #everywhere = new Set<FilterSet>();

  get size(): number {
    return this.#sets.size;
  }

  /** Those whose subscribers have been told nothing since then. */
  *quietSince(ms: number): Generator<FilterSet> {
    for (const set of this.#sets.values()) if (set.toldAtMs < ms) yield set;
  }

  acquire(filters: AlertFilters): FilterSet {
    const key = createHash('sha256').update(canonicalText(filters)).digest('base64url').slice(0, KEY_LENGTH);
    const known = this.#sets.get(key);
    const set = known ?? new FilterSet(key, filters);
    set.subscribers += 1;
    if (known === undefined) {
      this.#sets.set(key, set);
      this.#index(set);
    }
    return set;
  }

  release(set: FilterSet): void {
    set.subscribers -= 1;
    if (set.subscribers > 0) return;
    this.#sets.delete(set.key);
    this.#everywhere.delete(set);
    for (const box of this.#boxesOf.get(set) ?? []) this.#boxes.remove(box);
    this.#boxesOf.delete(set);
    for (const zone of zonesOf(set)) {
      const sets = this.#byZone.get(zone);
      sets?.delete(set);
      if (sets?.size === 0) this.#byZone.delete(zone);
    }
  }

  /** The sets to which the entry is something. */
  *concerned({ facts, before }: AlertEntry): Generator<readonly [FilterSet, Passage]> {
    const candidates = new Set(this.#everywhere);
    for (const { position, zones } of before === undefined ? [facts] : [facts, before]) {
      if (position !== null) for (const { set } of this.#boxes.search(pointBox(position))) candidates.add(set);
      for (const zone of zones) for (const set of this.#byZone.get(zone) ?? []) candidates.add(set);
    }
    for (const set of candidates) {
      const passage = decidePassage(set.filters, before, facts, facts.isEnd);
      if (passage !== undefined) yield [set, passage];
    }
  }

  #index(set: FilterSet): void {
    const boxes = set.filters.flatMap((filter) =>
      (boxesOf(filter) ?? []).map(({ west, south, east, north }) => ({
        minX: west,
        minY: south,
        maxX: east,
        maxY: north,
        set,
      })),
    );
    for (const box of boxes) this.#boxes.insert(box);
    if (boxes.length > 0) this.#boxesOf.set(set, boxes);
    for (const zone of zonesOf(set)) {
      const sets = this.#byZone.get(zone);
      if (sets === undefined) this.#byZone.set(zone, new Set([set]));
      else sets.add(set);
    }
    if (set.filters.some((filter) => boxesOf(filter) === undefined && filter.zones === undefined)) {
      this.#everywhere.add(set);
    }
  }
}

/** Of filters that nothing else tells the place of. */
function zonesOf(set: FilterSet): readonly string[] {
  return set.filters.flatMap((filter) => (boxesOf(filter) === undefined ? (filter.zones ?? []) : []));
}

function pointBox({ lat, lon }: Position): { minX: number; minY: number; maxX: number; maxY: number } {
  return { minX: lon, minY: lat, maxX: lon, maxY: lat };
}
