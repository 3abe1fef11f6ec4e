import { z } from 'zod';
import { severitySchema } from '../core/alerts/alert.ts';
import type { RuleState } from '../core/detection/evaluate.ts';

/** Fields of a shard's detect hash: `position` is the last entry evaluated, `state:<rule>|<device>` a rule's state. */
export const POSITION_FIELD = 'position';
const STATE_PREFIX = 'state:';

const metricStateSchema = z.object({
  newestUs: z.int(),
  beyondSinceUs: z.int().optional(),
  withinSinceUs: z.int().optional(),
  alarmed: z.boolean().optional(),
});
const hysteresisFields = { raised: z.boolean(), metrics: z.record(z.string(), metricStateSchema) };
const toldFields = {
  held: z.literal(true).optional(),
  levels: z.array(z.object(hysteresisFields)).optional(),
  raises: z.array(z.int()).optional(),
  toldUs: z.int().optional(),
  toldSeverity: severitySchema.optional(),
};
const positionSchema = z.object({ lat: z.number(), lon: z.number() });
const waitingSchema = z.object({
  metric: z.string(),
  timeUs: z.int(),
  value: z.number(),
  position: positionSchema.optional(),
});
const holdingFields = {
  ...hysteresisFields,
  ...toldFields,
  waiting: z.array(waitingSchema).optional(),
  watermarkUs: z.number().optional(),
  arrivedUs: z.int().optional(),
};
const sampleSchema = z.tuple([z.int(), z.number()]).readonly();
const stateSchemas = {
  threshold: z.object({ kind: z.literal('threshold'), ...holdingFields }),
  geofence: z.object({ kind: z.literal('geofence'), ...holdingFields }),
  absence: z.object({
    kind: z.literal('absence'),
    raised: z.boolean(),
    ...toldFields,
    heardUs: z.int().optional(),
    last: z.object({ metric: z.string(), timeUs: z.int(), value: z.number() }).optional(),
  }),
  rate: z.object({
    kind: z.literal('rate'),
    ...holdingFields,
    samples: z.record(z.string(), z.array(sampleSchema)),
  }),
  deviation: z.object({
    kind: z.literal('deviation'),
    ...holdingFields,
    gathered: z.object({ timeUs: z.int(), values: z.record(z.string(), z.number()) }).optional(),
    inputs: z.record(
      z.string(),
      z.object({
        value: z.number(),
        doubted: z.boolean().optional(),
        passed: z.tuple([z.number(), z.number(), z.number()]).readonly().optional(),
      }),
    ),
    baseline: z
      .object({
        measure: z.enum(['sta_lta', 'z_score']),
        sinceUs: z.int(),
        atUs: z.int(),
        settled: z.boolean().optional(),
        level: z.number(),
        spread: z.number(),
      })
      .optional(),
    burst: z.object({ onsetUs: z.int(), peak: z.number(), reported: z.number().optional() }).optional(),
  }),
};
/** States without a kind are from before there were others. */
const kindSchema = z.object({ kind: z.string().default('threshold') });

export interface DetectCheckpoint {
  /** `0` before the first entry. */
  readonly position: string;
  /** By `<rule>|<device>`. */
  readonly states: ReadonlyMap<string, RuleState>;
  /** Keys of states that are damaged: the rest goes on without them. */
  readonly unreadable?: readonly string[];
}

/** A state of a kind that a later version keeps is left out: which alerts are raised is known without it. */
export function parseDetectCheckpoint(hash: Readonly<Record<string, string>>): DetectCheckpoint {
  const states = new Map<string, RuleState>();
  const unreadable: string[] = [];
  for (const [field, json] of Object.entries(hash)) {
    if (!field.startsWith(STATE_PREFIX)) continue;
    const key = field.slice(STATE_PREFIX.length);
    try {
      const state = parseState(json);
      if (state !== undefined) states.set(key, state);
    } catch {
      unreadable.push(key);
    }
  }
  return { position: hash[POSITION_FIELD] ?? '0', states, unreadable };
}

function parseState(json: string): RuleState | undefined {
  const input: unknown = JSON.parse(json);
  const { kind } = kindSchema.parse(input);
  return isKnown(kind) ? stateSchemas[kind].parse({ ...Object(input), kind }) : undefined;
}

function isKnown(kind: string): kind is keyof typeof stateSchemas {
  return Object.hasOwn(stateSchemas, kind);
}

/** The fields to write for a position and the states that have changed since the last checkpoint. */
export function formatDetectCheckpoint({ position, states }: DetectCheckpoint): Record<string, string> {
  const fields: Record<string, string> = { [POSITION_FIELD]: position };
  for (const [key, state] of states) fields[`${STATE_PREFIX}${key}`] = JSON.stringify(state);
  return fields;
}
