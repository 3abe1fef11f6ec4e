import { z } from 'zod';

/**
 * Blocks that ingest has decided, as its processes share them: a hash of all that are in force or not forgotten yet, and a
 * stream of changes, so that each process has them in memory. Times are Unix milliseconds.
 */
export const BLOCK_CHANGE_FIELD = 'block';

/** What a block is about: everybody at an address, or one who claims to be somebody there. */
export interface BlockedSource {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string;
  /** A device id or, for an API key that is not good, `@` and its id; null for everybody. */
  readonly claimant: string | null;
}

const ADDRESS = /^[0-9a-f.:/]{2,49}$/;
const CLAIMANT = /^[@A-Za-z0-9][A-Za-z0-9:._-]{0,127}$/;

const recordSchema = z.object({ offence: z.int().positive(), until_ms: z.int() });
export type BlockRecord = z.infer<typeof recordSchema>;

/** `until_ms` lies in the past for a block that was ended. */
const changeSchema = recordSchema.extend({
  address: z.string().regex(ADDRESS),
  claimant: z.string().regex(CLAIMANT).nullable(),
});
export type BlockChange = z.infer<typeof changeSchema>;

/** The name of a block in the hash. */
export function formatBlockedSource({ address, claimant }: BlockedSource): string {
  return claimant === null ? address : `${address}|${claimant}`;
}

export function parseBlockedSource(text: string): BlockedSource | undefined {
  const bar = text.indexOf('|');
  const source =
    bar < 0 ? { address: text, claimant: null } : { address: text.slice(0, bar), claimant: text.slice(bar + 1) };
  const isFit = ADDRESS.test(source.address) && (source.claimant === null || CLAIMANT.test(source.claimant));
  return isFit ? source : undefined;
}

export const encodeBlockRecord = (record: BlockRecord): string => JSON.stringify(record);
export const encodeBlockChange = (change: BlockChange): string => JSON.stringify(change);
/** Undefined for what is no record. */
export const parseBlockRecord = (json: string): BlockRecord | undefined => parseWith(recordSchema, json);
/** Undefined for what is no change. */
export const parseBlockChange = (json: string): BlockChange | undefined => parseWith(changeSchema, json);

function parseWith<T>(schema: z.ZodType<T>, json: string): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
