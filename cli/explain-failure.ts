import { DatabaseError } from 'pg';

/** A role or a password that the server does not take: class 28 of SQLSTATE. */
const LOGIN_REFUSED = /^28/;
const NO_DATABASE = '3D000';
const NO_TABLE = '42P01';
const NO_COLUMN = '42703';

/** One line for whoever typed the command, with what to do where that is known. */
export function explainFailure(error: unknown): string {
  if (error instanceof DatabaseError) return explainDatabase(error);
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT' || code === 'EHOSTUNREACH') {
    return `the database does not answer (${reasonOf(error)}): check DATABASE_URL and that the server runs; "telltale doctor" looks at all of it`;
  }
  return error.message;
}

function explainDatabase(error: DatabaseError): string {
  const { code = '' } = error;
  if (LOGIN_REFUSED.test(code)) return `the database refuses the login (${error.message}): check DATABASE_URL`;
  if (code === NO_DATABASE) return `${error.message}: check DATABASE_URL, or create it`;
  if (code === NO_TABLE || code === NO_COLUMN) {
    return `the tables of the database are not those of this version (${error.message}): run "telltale migrate"`;
  }
  return `the database refuses: ${error.message}`;
}

/** Of several addresses that were tried the error has no message of its own. */
export function reasonOf(error: Error): string {
  if (error.message !== '') return error.message;
  return error instanceof AggregateError
    ? error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join(', ')
    : error.name;
}
