import type { Redis } from './open-redis.ts';
import { parseStreamReply, type StreamEntry } from './stream-reply.ts';

const BLOCK_MS = 500;

export interface GroupReaderOptions {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly reader: Redis;
  readonly group: string;
  /** The same in every process, so that one that takes over finds the unacknowledged entries as its own. */
  readonly consumer: string;
  readonly streams: readonly string[];
  /** The field of an entry that is read. */
  readonly field: string;
  /** Entries of each stream at once. */
  readonly count: number;
}

/** Reads streams as a consumer group. Acknowledging is the caller's, because it comes after the work. */
export class GroupReader {
  readonly #options: GroupReaderOptions;
  /** What was read and not acknowledged, by us before a fault or by another before us, comes before anything new. */
  #unacknowledgedFirst = true;

  constructor(options: GroupReaderOptions) {
    this.#options = options;
  }

  /** Reads once and hands over what there is. When `handle` rejects, the same entries are read again. */
  async pass(handle: (entries: ReadonlyMap<string, readonly StreamEntry[]>) => Promise<void>): Promise<void> {
    try {
      const entries = await this.#read();
      if ([...entries.values()].every((inStream) => inStream.length === 0)) this.#unacknowledgedFirst = false;
      else await handle(entries);
    } catch (error) {
      this.#unacknowledgedFirst = true;
      throw error;
    }
  }

  async #read(): Promise<ReadonlyMap<string, readonly StreamEntry[]>> {
    const { reader, group, consumer, streams, field, count } = this.#options;
    const from = streams.map(() => (this.#unacknowledgedFirst ? '0' : '>'));
    const reply: unknown = await reader.xreadgroup(
      'GROUP',
      group,
      consumer,
      'COUNT',
      count,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      ...streams,
      ...from,
    );
    return parseStreamReply(reply, field);
  }
}
