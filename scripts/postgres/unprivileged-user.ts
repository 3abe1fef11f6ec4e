import { readFileSync } from 'node:fs';
import { CommandFailure } from '../process/failure.ts';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. Undefined when this process is not root and needs no other user. */
export function findUnprivilegedUser(): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const account = accounts.find(([name]) => name === wanted);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new CommandFailure(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.',
  );
}
