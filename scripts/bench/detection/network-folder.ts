import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunDevice } from '../../../core/detection/detection-run.ts';
import { CommandFailure } from '../../process/failure.ts';

const devicesSchema = z.array(z.object({ device_id: z.string(), latitude: z.number(), longitude: z.number() })).min(1);

const eventsSchema = z
  .array(
    z.object({
      recording: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
      origin: z.iso.datetime(),
      latitude: z.number(),
      longitude: z.number(),
      magnitude: z.number(),
    }),
  )
  .min(1);

/** One recording and the earthquake that is in it, by a national catalogue. */
export interface RecordedQuake {
  readonly recording: string;
  readonly path: string;
  readonly originUs: number;
  readonly lat: number;
  readonly lon: number;
  readonly magnitude: number;
}

export interface NetworkFolder {
  readonly devices: readonly RunDevice[];
  readonly quakes: readonly RecordedQuake[];
}

/** Recordings of one network: `devices.json`, `events.json` with the truth, and `<recording>.jsonl.gz` each. */
export function readNetworkFolder(folder: string): NetworkFolder {
  const devices = readJson(join(folder, 'devices.json'), devicesSchema);
  const events = readJson(join(folder, 'events.json'), eventsSchema);
  return {
    devices: devices.map(({ device_id: device, latitude: lat, longitude: lon }) => ({
      device,
      site: null,
      owner: null,
      position: { lat, lon },
      zones: [],
      tags: [],
      status: 'Actual' as const,
    })),
    quakes: events.map(({ recording, origin, latitude: lat, longitude: lon, magnitude }) => ({
      recording,
      path: join(folder, `${recording}.jsonl.gz`),
      originUs: Date.parse(origin) * 1000,
      lat,
      lon,
      magnitude,
    })),
  };
}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let input: unknown;
  try {
    input = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CommandFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new CommandFailure(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
