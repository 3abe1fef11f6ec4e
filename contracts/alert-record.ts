import { z } from 'zod';
import { transitionSchema, type Transition } from './alert-transition.ts';

/** What is known of an alert beside its state, until a while after its end: a value of the hash of alert records. */
const alertRecordSchema = z.object({
  /** The last one. */
  transition: transitionSchema,
  /** Those before it, oldest first; of a long life the first and the last ones. */
  earlier: z.array(z.object({ version: z.int(), decided_us: z.int() })),
});
export type AlertRecord = z.infer<typeof alertRecordSchema>;

const MOST_EARLIER = 20;

/** Undefined for what this version cannot read. */
export function parseAlertRecord(json: string): AlertRecord | undefined {
  try {
    return alertRecordSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** @param before of the same identity, perhaps of another life */
export function formatNextRecord(before: AlertRecord | undefined, transition: Transition): string {
  const isSame = before?.transition.alert_id === transition.alert_id;
  const { version, decided_us } = before?.transition ?? transition;
  const earlier = isSame ? [...before.earlier, { version, decided_us }] : [];
  const kept = earlier.length > MOST_EARLIER ? [...earlier.slice(0, 1), ...earlier.slice(1 - MOST_EARLIER)] : earlier;
  return JSON.stringify({ transition, earlier: kept } satisfies AlertRecord);
}

export function isOver({ transition: { kind } }: AlertRecord): boolean {
  return kind === 'cleared' || kind === 'cancelled';
}
