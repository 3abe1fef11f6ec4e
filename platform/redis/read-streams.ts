import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import type { Redis } from './open-redis.ts';
import { parseStreamReply, type StreamEntry } from './stream-reply.ts';

export interface ReadOptions {
  /** Blocks while it reads from one server, so it is shared with nothing. */
  readonly reader: Redis;
  /** Entries of each stream at once. */
  readonly count: number;
  /** The field of an entry that is read. */
  readonly field: string;
  /** Reads as a consumer of this group. */
  readonly group?: { readonly name: string; readonly consumer: string };
}

const BLOCK_MS = 500;
/**
 * How often the streams of a cluster are looked at: one command cannot wait for streams of different slots. It adds half of
 * that to the time that an alert takes.
 */
const POLL_MS = 20;

/** @param from the names of streams to the id after which they are read */
export async function readStreams(
  options: ReadOptions,
  from: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly StreamEntry[]>> {
  const { reader, field } = options;
  if (!(reader instanceof Cluster)) return parseStreamReply(await read(options, from, BLOCK_MS), field);
  const replies = await Promise.allSettled([...from].map((each) => read(options, new Map([each]))));
  const streams = replies.flatMap((reply) =>
    reply.status === 'fulfilled' ? [...parseStreamReply(reply.value, field)] : [],
  );
  if (streams.every(([, entries]) => entries.length === 0)) {
    // What others have goes on while a node does not answer.
    const failed = replies.find((reply) => reply.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await delay(POLL_MS);
  }
  return new Map(streams);
}

async function read(
  { reader, count, group }: ReadOptions,
  from: ReadonlyMap<string, string>,
  blockMs?: number,
): Promise<unknown> {
  const args = [
    ...['COUNT', count],
    ...(blockMs === undefined ? [] : ['BLOCK', blockMs]),
    ...['STREAMS', ...from.keys(), ...from.values()],
  ];
  // The client types these commands argument by argument, and the reply as unknown.
  return await (group === undefined
    ? reader.call('xread', args)
    : reader.call('xreadgroup', ['GROUP', group.name, group.consumer, ...args]));
}
