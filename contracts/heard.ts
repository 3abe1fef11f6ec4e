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
  readonly heard: ReadonlyMap<string, Heard>;
  /** Fields. */
  readonly unreadable: readonly string[];
}

/** @param hash of one shard, by field */
export function parseHeardHash(hash: Readonly<Record<string, string>>): HeardHash {
  const heard = new Map<string, Heard>();
  const unreadable: string[] = [];
  for (const [field, json] of Object.entries(hash)) {
    try {
      heard.set(field, parseHeard(field, json));
    } catch {
      unreadable.push(field);
    }
  }
  return { heard, unreadable };
}

export function ruleOfHeardField(field: string): string {
  return field.slice(0, field.indexOf('|'));
}

function parseHeard(field: string, json: string): Heard {
  const [site, owner, lat, lon, untilUs, atUs, periodUs] = heardSchema.parse(JSON.parse(json));
  const device = field.slice(field.indexOf('|') + 1);
  return { device, site, owner, position: { lat, lon }, untilUs, atUs, ...(periodUs !== null && { periodUs }) };
}
