import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A mount that does not answer keeps nobody from measuring. */
const TIMEOUT_MS = 30_000;

/**
 * Has the disk write what is waiting to be written: a build or an earlier bench, flushed a while later, makes a sync of the log
 * take hundreds of milliseconds. Where there is no such program the bench goes on as it is.
 */
export async function settleDisk(): Promise<void> {
  await promisify(execFile)('sync', { timeout: TIMEOUT_MS }).catch(() => undefined);
}
