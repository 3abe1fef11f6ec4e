import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from '../usage-error.ts';

/** Two processes that sign with one key would use nonces twice. */
export function lockFleet(path: string): Disposable {
  const lockPath = `${path}.lock`;
  const holder = readHolder(lockPath);
  if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
    throw new UsageError(
      `process ${holder} uses the fleet ${path}: wait for its end, or give another folder with --fleet`,
    );
  }
  rmSync(lockPath, { force: true });
  const file = openSync(lockPath, 'wx', 0o600);
  writeSync(file, String(process.pid));
  closeSync(file);
  return { [Symbol.dispose]: () => rmSync(lockPath, { force: true }) };
}

function readHolder(lockPath: string): number | undefined {
  try {
    const pid = Number(readFileSync(lockPath, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
