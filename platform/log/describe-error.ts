/** What may be written of an error. */
export interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  /** Of the system, of PostgreSQL (SQLSTATE) or of a library. */
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const DEEPEST_CAUSE = 5;

/**
 * An error without what libraries hang on it: ioredis the arguments of the command, pg the row (`detail`) and the values of a
 * statement. They are what devices sent.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) {
    const message: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : error;
    return {
      type: typeof error,
      message: typeof message === 'string' ? message : 'something that is no error was thrown',
    };
  }
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(error.cause, depth + 1) }),
  };
}
