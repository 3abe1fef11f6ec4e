import { z } from 'zod';
import { capStatusSchema, evidenceSchema, severitySchema, transitionKindSchema } from '../core/alerts/alert.ts';

/** One change in the life of an alert. In the stream: one field, `transition`; the entry id is the cursor. */
export const TRANSITION_FIELD = 'transition';

export const transitionSchema = z.object({
  alert_id: z.string(),
  rule: z.string(),
  rule_kind: z.string(),
  subject: z.string(),
  /** 1 for raised, one more for each transition of this alert. */
  version: z.int().positive(),
  kind: transitionKindSchema,
  severity: severitySchema,
  status: capStatusSchema,
  headline: z.string(),
  /** Event time of what caused it, Unix microseconds. */
  at_us: z.int(),
  /** When the platform decided it, Unix microseconds. */
  decided_us: z.int(),
  /** `detection`, or `operator:<name>`. */
  actor: z.string(),
  /** That somebody looks after it, from that transition on. */
  acknowledged_by: z.string().optional(),
  /** What an operator had to say. */
  note: z.string().optional(),
  position: z.object({ lat: z.number(), lon: z.number() }).nullable(),
  zones: z.array(z.string()),
  evidence: evidenceSchema,
});
export type Transition = z.infer<typeof transitionSchema>;

export function parseTransition(json: string): Transition | undefined {
  try {
    const parsed = transitionSchema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What is published for a transition. `previous` is the cursor of the one before it in the stream, by which a listener sees
 * that it has missed something; workers of version 0.1 do not tell.
 */
export const publishedTransitionSchema = transitionSchema.extend({
  type: z.literal('alert'),
  cursor: z.string(),
  previous: z.string().optional(),
});
