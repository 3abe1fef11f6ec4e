import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure } from '../process/failure.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** One platform to a data folder: the embedded database would be damaged by a second one. */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const path = join(folder, 'start.lock');
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    throw new CommandFailure(
      `Another Telltale (process ${holder}) uses ${folder}. Stop it, or set TELLTALE_DEV_DIR to another folder and the TELLTALE_*_PORT variables to other ports.`,
    );
  }
  await rm(path, { force: true });
  const file = await open(path, 'wx', 0o600);
  await file.writeFile(String(process.pid));
  await file.close();
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}
