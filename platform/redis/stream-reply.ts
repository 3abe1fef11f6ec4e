/** One entry of a stream: its id and the value of one field of it. */
export interface StreamEntry {
  readonly id: string;
  /** Undefined when the entry has no such field, or was deleted. */
  readonly value: string | undefined;
}

/**
 * Reads the reply of XREAD and XREADGROUP, `[[stream, [[id, [field, value, ...]], ...]], ...]` or null, in one place: the
 * client types it as unknown.
 */
export function parseStreamReply(reply: unknown, field: string): ReadonlyMap<string, readonly StreamEntry[]> {
  const streams = new Map<string, readonly StreamEntry[]>();
  if (reply === null || reply === undefined) return streams;
  for (const stream of arrayOf(reply)) {
    const [name, entries] = arrayOf(stream);
    streams.set(
      String(name),
      arrayOf(entries).map((entry) => parseEntry(entry, field)),
    );
  }
  return streams;
}

function parseEntry(entry: unknown, field: string): StreamEntry {
  const [id, fields] = arrayOf(entry);
  if (fields === null) return { id: String(id), value: undefined };
  const flat = arrayOf(fields);
  const at = flat.findIndex((name, index) => index % 2 === 0 && name === field);
  const value: unknown = at < 0 ? undefined : flat[at + 1];
  return { id: String(id), value: typeof value === 'string' ? value : undefined };
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('Redis answered a stream command with something else than a list');
  return value;
}
