import { z } from 'zod';
import { capStatusSchema, severitySchema } from '../core/alerts/alert.ts';
import type { QuorumState } from '../core/detection/quorum/quorum-state.ts';

/** Fields of the hash of the associator: `position` is the last trigger taken, `state:<rule>` what a quorum rule knows. */
export const ASSOCIATE_POSITION_FIELD = 'position';
const STATE_PREFIX = 'state:';

const positionSchema = z.object({ lat: z.number(), lon: z.number() });

const triggerSchema = z.object({
  id: z.string(),
  rule: z.string(),
  device: z.string(),
  site: z.string().nullable(),
  owner: z.string().nullable(),
  position: positionSchema,
  zones: z.array(z.string()),
  status: capStatusSchema.default('Actual'),
  metric: z.string(),
  onsetUs: z.int(),
  peak: z.number(),
});

const originSchema = z.object({
  position: positionSchema,
  timeUs: z.int(),
  depthM: z.number(),
  errorM: z.number(),
});

const eventSchema = z.object({
  subject: z.string(),
  members: z.array(triggerSchema).min(1),
  origin: originSchema.optional(),
  locatedFrom: z.int(),
  raisedUs: z.int(),
  shookUs: z.int(),
  told: z.object({ severity: severitySchema, voters: z.int(), position: positionSchema }),
});

const stateSchema = z.object({
  open: z.array(triggerSchema),
  events: z.array(eventSchema),
  falseTriggers: z.record(z.string(), z.array(z.int())),
});

export interface QuorumCheckpoint {
  /** `0` before the first trigger. */
  readonly position: string;
  /** By rule. */
  readonly states: ReadonlyMap<string, QuorumState>;
  /** Rules whose state is damaged: the others go on. */
  readonly unreadable: readonly string[];
}

export function parseQuorumCheckpoint(hash: Readonly<Record<string, string>>): QuorumCheckpoint {
  const states = new Map<string, QuorumState>();
  const unreadable: string[] = [];
  for (const [field, json] of Object.entries(hash)) {
    if (!field.startsWith(STATE_PREFIX)) continue;
    const rule = field.slice(STATE_PREFIX.length);
    try {
      states.set(rule, stateSchema.parse(JSON.parse(json)));
    } catch {
      unreadable.push(rule);
    }
  }
  return { position: hash[ASSOCIATE_POSITION_FIELD] ?? '0', states, unreadable };
}

export function formatQuorumStates(states: ReadonlyMap<string, QuorumState>): Record<string, string> {
  return Object.fromEntries([...states].map(([rule, state]) => [`${STATE_PREFIX}${rule}`, JSON.stringify(state)]));
}
