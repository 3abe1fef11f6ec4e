import type { Redis } from './open-redis.ts';
import { readStreams } from './read-streams.ts';
import type { StreamEntry } from './stream-reply.ts';

const LOOK_BACK_EVERY_MS = 10_000;

export interface GroupReaderOptions {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly reader: Redis;
  readonly group: string;
  /** The same in every process, so that one that takes over finds the unacknowledged entries as its own. */
  readonly consumer: string;
  /** The field of an entry that is read. */
  readonly field: string;
  /** Entries of each stream at once, asked before each time. */
  readonly count: () => number;
  /**
   * How often what was read and not acknowledged is looked for. A process that had lost a stream without knowing may have
   * read from it once more and died: what it read is nobody's until somebody looks.
   */
  readonly lookBackEveryMs?: number;
}

/** Names of streams to the fencing tokens by which this process may read them. */
export type ReadableStreams = ReadonlyMap<string, number>;

/** Reads streams as a consumer group. Acknowledging is the caller's, because it comes after the work. */
export class GroupReader {
  readonly #options: GroupReaderOptions;
  /** What was read and not acknowledged, by us before a fault or by another before us, comes before anything new. */
  #unacknowledgedFirst = true;
  #lookedBackMs = -Infinity;
  #last: ReadableStreams = new Map();

  constructor(options: GroupReaderOptions) {
    this.#options = options;
  }

  /** Reads once and hands over what there is. When `handle` rejects, the same entries are read again. */
  async pass(
    streams: ReadableStreams,
    handle: (entries: ReadonlyMap<string, readonly StreamEntry[]>) => Promise<void>,
  ): Promise<void> {
    const nowMs = performance.now();
    const lookBackEveryMs = this.#options.lookBackEveryMs ?? LOOK_BACK_EVERY_MS;
    if (hasNew(streams, this.#last) || nowMs - this.#lookedBackMs > lookBackEveryMs) {
      this.#unacknowledgedFirst = true;
      this.#lookedBackMs = nowMs;
    }
    this.#last = streams;
    try {
      const entries = await this.#read([...streams.keys()]);
      if ([...entries.values()].every((inStream) => inStream.length === 0)) this.#unacknowledgedFirst = false;
      else await handle(entries);
    } catch (error) {
      this.#unacknowledgedFirst = true;
      throw error;
    }
  }

  async #read(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StreamEntry[]>> {
    const { reader, group, consumer, field, count } = this.#options;
    const from = this.#unacknowledgedFirst ? '0' : '>';
    return await readStreams(
      { reader, count: count(), field, group: { name: group, consumer } },
      new Map(streams.map((stream) => [stream, from])),
    );
  }
}

/** Whether any of the streams is one that was not read before, or that has been somebody else's meanwhile. */
function hasNew(streams: ReadableStreams, before: ReadableStreams): boolean {
  return [...streams].some(([stream, token]) => before.get(stream) !== token);
}
