import { z } from 'zod';
import type { RunDevice, RunPack } from '../../core/detection/detection-run.ts';
import { POSITION, type NumericReading } from '../../core/detection/reading-evaluation.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

const time = z.union([
  z.number().transform((seconds) => Math.round(seconds * 1e6)),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text) * 1000),
]);
const lineSchema = z.union([
  z.strictObject({
    device: z.string(),
    /** ISO 8601 with its offset, or Unix seconds. */
    time,
    metric: z.string(),
    value: z.union([z.number(), z.boolean().transform(Number)]),
  }),
  z.strictObject({ device: z.string(), time, lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) }),
]);

const EXAMPLE = '{"device": "dev-1", "metric": "temperature", "time": "2026-11-22T10:00:00Z", "value": 21.5}';

/** Readings that somebody has written down, one JSON object a line: each is taken as if it had come at its own time. */
export function parseReadingsFile(text: string, file: string): readonly RunPack[] {
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [{ line, number: index + 1 }]));
  const readings = lines.map(({ line, number }) => {
    const parsed = lineSchema.safeParse(parseJson(line));
    if (parsed.success) return readingOf(parsed.data);
    throw new CommandFailure(`${file}, line ${number}: no reading. It should look like ${EXAMPLE}`);
  });
  return readings
    .sort((a, b) => a.timeUs - b.timeUs)
    .map((reading) => ({ device: reading.device, arrivedUs: reading.timeUs, readings: [reading] }));
}

/** Devices of which nothing is known but what they sent. */
export function strangersOf(packs: readonly RunPack[]): readonly RunDevice[] {
  return [...new Set(packs.map(({ device }) => device))].map((device) => ({
    device,
    site: null,
    owner: null,
    position: undefined,
    status: 'Actual',
    tags: [],
    zones: [],
  }));
}

function readingOf(line: z.infer<typeof lineSchema>): NumericReading {
  const { device, time: timeUs } = line;
  if ('metric' in line) return { device, timeUs, metric: line.metric, value: line.value };
  return { device, timeUs, metric: POSITION, value: 0, position: { lat: line.lat, lon: line.lon } };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
