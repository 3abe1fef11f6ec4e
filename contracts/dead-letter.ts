import { ADMITTED_PACK_FIELD } from './admitted-pack.ts';

/** Why an entry of the log, or a part of one, is not in the store. */
export const DEAD_LETTER_REASONS = [
  /** Not an admitted pack. */
  'unreadable',
  'too-many-metrics',
  /** A metric is in another unit since its first reading. */
  'unit-conflict',
  /** Another value is stored for the same device, metric and time. The letter has the readings that differ, and no others. */
  'reading-conflict',
  /** The database cannot represent a value: class 22 of SQLSTATE. */
  'data-exception',
  /** A constraint of the database forbids it: class 23. */
  'integrity-violation',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

export interface DeadLetter {
  readonly reason: DeadLetterReason;
  /** Id of the entry in the log. */
  readonly entry: string;
  /** What the database said; empty when it was not asked. */
  readonly error: string;
  /** As it was in the log, whatever that is. */
  readonly pack: string;
}

/** Fields of an entry of a shard's stream of dead letters. */
export function deadLetterFields({ reason, entry, error, pack }: DeadLetter): string[] {
  return ['reason', reason, 'entry', entry, 'error', error, ADMITTED_PACK_FIELD, pack];
}

/** @param flat names and values in turn; a field that is missing is empty, a reason that nobody knows is kept */
export function parseDeadLetter(flat: readonly string[]): Omit<DeadLetter, 'reason'> & { readonly reason: string } {
  const valueOf = (name: string): string => {
    const at = flat.findIndex((field, index) => index % 2 === 0 && field === name);
    return at < 0 ? '' : (flat[at + 1] ?? '');
  };
  return {
    reason: valueOf('reason'),
    entry: valueOf('entry'),
    error: valueOf('error'),
    pack: valueOf(ADMITTED_PACK_FIELD),
  };
}
