import { DatabaseError } from 'pg';

export interface DataError {
  readonly kind: 'data-exception' | 'integrity-violation';
  /** With its SQLSTATE. */
  readonly message: string;
}

/** Two that make the same thing at once: the second one finds it made. */
const UNIQUE_VIOLATION = '23505';

/**
 * What lies in the data, so that it fails whenever it is tried: classes 22 and 23 of SQLSTATE. Undefined for all that may
 * pass: connections, deadlocks, a full disk, a shutdown, a schema that is not there yet.
 */
export function dataErrorOf(error: unknown): DataError | undefined {
  if (!(error instanceof DatabaseError) || error.code === undefined || error.code === UNIQUE_VIOLATION)
    return undefined;
  const message = `${error.message} (${error.code})`;
  if (error.code.startsWith('22')) return { kind: 'data-exception', message };
  if (error.code.startsWith('23')) return { kind: 'integrity-violation', message };
  return undefined;
}
