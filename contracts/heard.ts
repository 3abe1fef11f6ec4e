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

export interface HeardRecord {
  readonly rule: string;
  readonly heard: Heard;
}

export function parseHeard(field: string, json: string): HeardRecord {
  const at = field.indexOf('|');
  const [site, owner, lat, lon, untilUs, atUs, periodUs] = heardSchema.parse(JSON.parse(json));
  return {
    rule: field.slice(0, at),
    heard: {
      device: field.slice(at + 1),
      site,
      owner,
      position: { lat, lon },
      untilUs,
      atUs,
      ...(periodUs !== null && { periodUs }),
    },
  };
}
