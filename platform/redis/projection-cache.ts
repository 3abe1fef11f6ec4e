/** How long something unknown stays unknown without asking again: a guesser costs one look-up a second, a new device waits at most that. */
const UNKNOWN_FOR_MS = 1000;
const MAX_UNKNOWN = 10_000;

export interface ProjectionCacheOptions<V> {
  /** Undefined when the projection has no such thing. */
  readonly read: (id: string) => Promise<V | undefined>;
  readonly maxKnown: number;
}

/** Parts of the registry's projection, read when first needed, kept until the registry changes. */
export class ProjectionCache<V> {
  readonly #options: ProjectionCacheOptions<V>;
  readonly #known = new Map<string, V>();
  readonly #unknownUntilMs = new Map<string, number>();
  readonly #loading = new Map<string, Promise<V | undefined>>();
  /** Grows with each change: what was read before a change is not kept after it. */
  #generation = 0;

  constructor(options: ProjectionCacheOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Answers at once when the id is known; rejects when Redis does not answer. */
  find(id: string): V | undefined | Promise<V | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const unknownUntilMs = this.#unknownUntilMs.get(id);
    if (unknownUntilMs !== undefined && unknownUntilMs > Date.now()) return undefined;
    return this.#loading.get(id) ?? this.#load(id);
  }

  clear(): void {
    this.#generation += 1;
    this.#known.clear();
    this.#unknownUntilMs.clear();
    this.#loading.clear();
  }

  #load(id: string): Promise<V | undefined> {
    const generation = this.#generation;
    const loading = this.#options
      .read(id)
      .then((value) => {
        if (generation === this.#generation) this.#keep(id, value);
        return value;
      })
      .finally(() => {
        if (generation === this.#generation) this.#loading.delete(id);
      });
    this.#loading.set(id, loading);
    return loading;
  }

  #keep(id: string, value: V | undefined): void {
    if (value === undefined) {
      dropOldest(this.#unknownUntilMs, MAX_UNKNOWN);
      this.#unknownUntilMs.set(id, Date.now() + UNKNOWN_FOR_MS);
    } else {
      dropOldest(this.#known, this.#options.maxKnown);
      this.#known.set(id, value);
    }
  }
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  if (map.size < max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
