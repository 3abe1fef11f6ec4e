import type { Cause } from '../../../core/alerts/alert-state.ts';

const ENTRY_ID = /^(\d+)(?:-(\d+))?$/;

/** @param entryId of a stream; `0` stands before its first entry */
export function causeAt(entryId: string, index: number): Cause {
  const match = ENTRY_ID.exec(entryId);
  if (match === null) throw new Error(`${entryId} is not the id of a stream entry`);
  return { entryMs: Number(match[1]), entrySeq: Number(match[2] ?? 0), index };
}
