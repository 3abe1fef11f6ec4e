import { z } from 'zod';
import type { Heard } from '../core/detection/quorum/heard.ts';

/** A field of a shard's hash of who has been heard: `<rule>|<device>` to a JSON array. */
const heardSchema = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.number(),
  z.number(),
  z.int(),
  z.int(),
  z.int().nullable(),
]);

export function heardField(rule: string, device: string): string {
  return `${rule}|${device}`;
}

export function formatHeard({ site, owner, position, untilUs, atUs, periodUs }: Heard): string {
  const columns: z.infer<typeof heardSchema> = [
    site,
    owner,
    position.lat,
    position.lon,
    untilUs,
    atUs,
    periodUs ?? null,
  ];
  return JSON.stringify(columns);
}

interface HeardHash {
  /** By field. */
  readonly heard: Map<string, Heard>;
  /** Fields. */
  readonly unreadable: readonly string[];
}

interface KnownRecord {
  readonly json: string;
  readonly heard: Heard;
}

/** Reads the hash of one shard again and again. A record that has not changed is the same object as before. */
export class HeardReader {
  #known: ReadonlyMap<string, KnownRecord> = new Map();

  /** @param hash by field */
  read(hash: Readonly<Record<string, string>>): HeardHash {
    const known = new Map<string, KnownRecord>();
    const heard = new Map<string, Heard>();
    const unreadable: string[] = [];
    for (const field of Object.keys(hash)) {
      const json = hash[field] ?? '';
      try {
        const before = this.#known.get(field);
        const record = before?.json === json ? before : { json, heard: parseHeard(field, json) };
        known.set(field, record);
        heard.set(field, record.heard);
      } catch {
        unreadable.push(field);
      }
    }
    this.#known = known;
    return { heard, unreadable };
  }
}

export function ruleOfHeardField(field: string): string {
  return field.slice(0, field.indexOf('|'));
}

function parseHeard(field: string, json: string): Heard {
  const [site, owner, lat, lon, untilUs, atUs, periodUs] = heardSchema.parse(JSON.parse(json));
  const device = field.slice(field.indexOf('|') + 1);
  return { device, site, owner, position: { lat, lon }, untilUs, atUs, ...(periodUs !== null && { periodUs }) };
}
