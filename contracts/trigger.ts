import { z } from 'zod';
import { capStatusSchema } from '../core/alerts/alert.ts';
import type { TriggerNews } from '../core/detection/quorum/trigger.ts';

/** What a rule that emits triggers has found at one device. In the stream: one field, `trigger`; the entry id names it. */
export const TRIGGER_FIELD = 'trigger';

const triggerSchema = z.object({
  kind: z.enum(['raised', 'updated', 'cleared']),
  rule: z.string(),
  device: z.string(),
  site: z.string().nullable(),
  owner: z.string().nullable(),
  position: z.object({ lat: z.number(), lon: z.number() }),
  zones: z.array(z.string()),
  status: capStatusSchema.default('Actual'),
  metric: z.string(),
  /** Unix microseconds by the device's clock. */
  onset_us: z.int(),
  /** In the unit of the metric. */
  peak: z.number(),
  /** When ingest accepted the reading that caused it, Unix microseconds. */
  received_us: z.int(),
});

export interface LoggedTrigger {
  readonly news: TriggerNews;
  readonly receivedUs: number;
}

export function formatTrigger({ news: { kind, trigger }, receivedUs }: LoggedTrigger): string {
  const { id: _given, position, onsetUs, ...rest } = trigger;
  const { lat, lon } = position;
  const json: z.input<typeof triggerSchema> = {
    kind,
    ...rest,
    zones: [...rest.zones],
    position: { lat, lon },
    onset_us: onsetUs,
    received_us: receivedUs,
  };
  return JSON.stringify(json);
}

/** Undefined for an entry that this version cannot read. */
export function parseTrigger(id: string, text: string): LoggedTrigger | undefined {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = triggerSchema.safeParse(input);
  if (!parsed.success) return undefined;
  const { kind, onset_us: onsetUs, received_us: receivedUs, ...trigger } = parsed.data;
  return { news: { kind, trigger: { id, ...trigger, onsetUs } }, receivedUs };
}
