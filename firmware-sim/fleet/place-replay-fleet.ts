import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../usage-error.ts';
import type { Placement } from './create-device.ts';

const positionsSchema = z.array(z.object({ device_id: z.string(), latitude: z.number(), longitude: z.number() }));

/** The recorded devices where they really stood, by the devices.json beside the recording. */
export function placeReplayFleet(recordingPath: string, recordedIds: ReadonlySet<string>): readonly Placement[] {
  const path = join(dirname(recordingPath), 'devices.json');
  const positions = loadPositions(path);
  return [...recordedIds].sort().map((recordedId) => {
    const position = positions.get(recordedId);
    if (position === undefined) throw new UsageError(`${path} has no position for the recorded device ${recordedId}`);
    return {
      id: replayDeviceId(recordedId),
      site: `openeew-site-${recordedId}`,
      owner: `openeew-owner-${recordedId}`,
      lat: position.latitude,
      lon: position.longitude,
    };
  });
}

export function replayDeviceId(recordedId: string): string {
  return `openeew-${recordedId}`;
}

function loadPositions(path: string) {
  try {
    const list = positionsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return new Map(list.map((position) => [position.device_id, position]));
  } catch (cause) {
    throw new UsageError(`${path} is needed beside the recording, with device_id, latitude and longitude of each`, {
      cause,
    });
  }
}
