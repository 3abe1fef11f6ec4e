import { DatabaseError } from 'pg';

export interface DataError {
  readonly kind: 'data-exception' | 'integrity-violation';
  /** With its SQLSTATE. */
  readonly message: string;
}

/** A column that we do not fill: the schema is another one than ours. */
const NOT_NULL_VIOLATION = '23502';
/** Two that make the same thing at once: the second one finds it made. */
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';

/**
 * What lies in the data, so that it fails whenever it is tried: classes 22 and 23 of SQLSTATE. Undefined for all that may
 * pass: connections, deadlocks, a full disk, a shutdown, a schema or a partition that is not there.
 */
export function dataErrorOf(error: unknown): DataError | undefined {
  if (!(error instanceof DatabaseError) || error.code === undefined) return undefined;
  const { code, constraint, severity } = error;
  // What ends the connection is not about a statement.
  if (severity !== 'ERROR' || code === UNIQUE_VIOLATION || code === NOT_NULL_VIOLATION) return undefined;
  // A row for which there is no partition violates a check that has no name.
  if (code === CHECK_VIOLATION && constraint === undefined) return undefined;
  const message = `${error.message} (${code})`;
  if (code.startsWith('22')) return { kind: 'data-exception', message };
  if (code.startsWith('23')) return { kind: 'integrity-violation', message };
  return undefined;
}

const QUERY_CANCELED = '57014';
/** What the client says when the server does not answer in time. */
const READ_TIMEOUT = 'Query read timeout';

/** Whether a statement took longer than it may: half of it may not. */
export function isTimeout(error: unknown): boolean {
  if (error instanceof DatabaseError) return error.code === QUERY_CANCELED;
  return error instanceof Error && error.message === READ_TIMEOUT;
}
