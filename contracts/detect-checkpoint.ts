import { z } from 'zod';
import type { ThresholdState } from '../core/detection/threshold.ts';

/** Fields of a shard's detect hash: `position` is the last entry evaluated, `state:<rule>|<device>` a rule's state. */
export const POSITION_FIELD = 'position';
const STATE_PREFIX = 'state:';

const metricStateSchema = z.object({
  newestUs: z.int(),
  beyondSinceUs: z.int().optional(),
  withinSinceUs: z.int().optional(),
});
const thresholdStateSchema = z.object({ raised: z.boolean(), metrics: z.record(z.string(), metricStateSchema) });

export interface DetectCheckpoint {
  /** `0` before the first entry. */
  readonly position: string;
  /** By `<rule>|<device>`. */
  readonly states: ReadonlyMap<string, ThresholdState>;
}

export function parseDetectCheckpoint(hash: Readonly<Record<string, string>>): DetectCheckpoint {
  const states = new Map<string, ThresholdState>();
  for (const [field, json] of Object.entries(hash)) {
    if (field.startsWith(STATE_PREFIX)) {
      states.set(field.slice(STATE_PREFIX.length), thresholdStateSchema.parse(JSON.parse(json)));
    }
  }
  return { position: hash[POSITION_FIELD] ?? '0', states };
}

/** The fields to write for a position and the states that have changed since the last checkpoint. */
export function formatDetectCheckpoint({ position, states }: DetectCheckpoint): Record<string, string> {
  const fields: Record<string, string> = { [POSITION_FIELD]: position };
  for (const [key, state] of states) fields[`${STATE_PREFIX}${key}`] = JSON.stringify(state);
  return fields;
}
