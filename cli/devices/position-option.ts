import type { Position } from '../../core/geo/position.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';

export interface PositionOptions {
  readonly lat?: string;
  readonly lon?: string;
}

/** Null when neither is given. */
export function parsePosition({ lat, lon }: PositionOptions): Position | null {
  if (lat === undefined && lon === undefined) return null;
  const position = { lat: degrees(lat), lon: degrees(lon) };
  if (Math.abs(position.lat) <= 90 && Math.abs(position.lon) <= 180) return position;
  throw new UsageFailure('--lat and --lon go together: degrees, -90 to 90 and -180 to 180');
}

/** NaN for what is no number; an empty text, as of a variable that is not set, is none. */
function degrees(text: string | undefined): number {
  return text === undefined || text.trim() === '' ? NaN : Number(text);
}
