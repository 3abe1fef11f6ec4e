import { readFileSync } from 'node:fs';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

/** SIGHUP is signal 1, the lowest bit of the mask. */
const CATCHES_HANGUP = /^SigCgt:\s*[0-9a-f]*[13579bdf]$/m;

/** The process id that is in Mosquitto's file; undefined while there is no file, as of a Mosquitto that was stopped. */
export function readPidFile(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new CommandFailure(`${path} does not hold a process id`);
  return Number(text);
}

/**
 * Makes Mosquitto read its files again. False when it was not told, because it is away or has only just begun: then SIGHUP would end
 * it, as it would end another program that has got the number of a Mosquitto that crashed.
 */
export function tellBroker(pid: number): boolean {
  try {
    if (process.platform === 'linux' && !CATCHES_HANGUP.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false;
    return process.kill(pid, 'SIGHUP');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code))) return false;
    throw error;
  }
}
