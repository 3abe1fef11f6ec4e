import { redisKeys } from '../../contracts/redis-keys.ts';
import {
  BLOCK_CHANGE_FIELD,
  encodeBlockChange,
  encodeBlockRecord,
  formatBlockedSource,
  parseBlockChange,
  parseBlockedSource,
  parseBlockRecord,
  type BlockChange,
  type BlockedSource,
} from '../../contracts/source-block.ts';
import { decideTerm, type BlockPolicy, type BlockTerm } from '../../core/limits/block-term.ts';
import type { Redis } from './open-redis.ts';
import { defineScript, type Script } from './script.ts';
import { parseStreamReply } from './stream-reply.ts';

/** About 150 bytes each: attackers at a million addresses must not fill Redis. The block that ends first makes room. */
const MAX_BLOCKS = 100_000;
/** What a process that was cut off may have missed before it misses some for good. */
const MAX_CHANGES = 20_000;
const READ_COUNT = 1000;
const SCAN_COUNT = 1000;
const MAX_KEYS_PER_CALL = 256;
/** Processes that meet at one source settle one of them each time. */
const MAX_ATTEMPTS = 5;

export type BlockVerdict = BlockTerm | 'admitted';

/** The blocks that the processes of ingest share. */
export class SourceBlocks {
  readonly #redis: Redis;
  readonly #block: Script;
  readonly #mark: Script;
  /** Of the last change that was read. */
  #cursor = '0-0';

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#block = defineScript(redis, 'ttBlockSource', 'block-source.lua', import.meta.url);
    this.#mark = defineScript(redis, 'ttMarkAdmitted', 'mark-admitted.lua', import.meta.url);
  }

  /** The blocks that are in force or not forgotten yet. Changes are read from here on. */
  async load(): Promise<readonly BlockChange[]> {
    const newest = await this.#redis.xrevrange(redisKeys.blockChanges, '+', '-', 'COUNT', 1);
    this.#cursor = newest[0]?.[0] ?? '0-0';
    const blocks: BlockChange[] = [];
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(redisKeys.blocks, cursor, 'COUNT', SCAN_COUNT);
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const source = parseBlockedSource(flat[i] ?? '');
        const record = parseBlockRecord(flat[i + 1] ?? '');
        if (source !== undefined && record !== undefined) blocks.push({ ...source, ...record });
      }
      cursor = next;
    } while (cursor !== '0');
    return blocks;
  }

  /** What has changed since the last call. */
  async readChanges(): Promise<readonly BlockChange[]> {
    const reply: unknown = await this.#redis.xread(
      'COUNT',
      READ_COUNT,
      'STREAMS',
      redisKeys.blockChanges,
      this.#cursor,
    );
    const entries = parseStreamReply(reply, BLOCK_CHANGE_FIELD).get(redisKeys.blockChanges) ?? [];
    this.#cursor = entries.at(-1)?.id ?? this.#cursor;
    return entries.flatMap(({ value }) => parseBlockChange(value ?? '') ?? []);
  }

  /** Blocks the source for as long as its history asks for, unless an envelope of it was admitted a short time ago. */
  async block(source: BlockedSource, policy: BlockPolicy, nowMs: number): Promise<BlockVerdict> {
    const field = formatBlockedSource(source);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const before = (await this.#redis.hget(redisKeys.blocks, field)) ?? '';
      const record = parseBlockRecord(before);
      const known = record === undefined ? undefined : { offence: record.offence, untilMs: record.until_ms };
      const term = decideTerm(known, policy, nowMs);
      if (term === known) return term;
      const next = { offence: term.offence, until_ms: Math.ceil(term.untilMs) };
      const reply = await this.#block(
        [redisKeys.blocks, redisKeys.blocksEnd, redisKeys.blockChanges, redisKeys.admittedFrom(field)],
        [
          field,
          before,
          encodeBlockRecord(next),
          next.until_ms + policy.quietMs,
          nowMs,
          encodeBlockChange({ ...source, ...next }),
          MAX_BLOCKS,
          MAX_CHANGES,
        ],
      );
      if (reply === 'blocked') return term;
      if (reply === 'admitted') return 'admitted';
    }
    throw new Error(`the block of ${field} kept changing under ${MAX_ATTEMPTS} attempts`);
  }

  /** Ends blocks and forgets their history. */
  async end(sources: readonly BlockedSource[]): Promise<void> {
    for (const source of sources) {
      const field = formatBlockedSource(source);
      const change = encodeBlockChange({ ...source, offence: 1, until_ms: 0 });
      const results = await this.#redis
        .multi()
        .hdel(redisKeys.blocks, field)
        .zrem(redisKeys.blocksEnd, field)
        .xadd(redisKeys.blockChanges, 'MAXLEN', '~', MAX_CHANGES, '*', BLOCK_CHANGE_FIELD, change)
        .exec();
      const failed = results?.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
    }
  }

  /** For this time none of the sources is blocked, whichever process counts its failures. */
  async markAdmitted(sources: readonly string[], forMs: number): Promise<void> {
    for (let start = 0; start < sources.length; start += MAX_KEYS_PER_CALL) {
      const part = sources.slice(start, start + MAX_KEYS_PER_CALL);
      await this.#mark(part.map(redisKeys.admittedFrom), [forMs]);
    }
  }
}
