/** Where a transition stands in the stream: the id of its entry, `<milliseconds>-<sequence>`. */
export interface Cursor {
  readonly ms: number;
  readonly seq: number;
}

const CURSOR = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/;

/** Before everything. */
export const FIRST_CURSOR = '0-0';

export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (match === null) return undefined;
  const cursor = { ms: Number(match[1]), seq: Number(match[2]) };
  return Number.isSafeInteger(cursor.ms) && Number.isSafeInteger(cursor.seq) ? cursor : undefined;
}

/** Below 0 when the first one is before the other. */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.ms - b.ms || a.seq - b.seq;
}
