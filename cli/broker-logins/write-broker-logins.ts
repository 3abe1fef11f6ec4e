import { readFileSync } from 'node:fs';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { findStores } from '../stores/find-stores.ts';
import { refreshLogins } from './refresh-logins.ts';

const MIN_PASSWORD_LENGTH = 16;

interface BrokerLoginsOptions extends OutputOptions {
  readonly ingestPasswordFile: string;
  readonly pidFile?: string;
}

export async function writeBrokerLogins(folder: string, options: BrokerLoginsOptions): Promise<void> {
  const { ingestPasswordFile, pidFile } = options;
  const password = readFileSync(ingestPasswordFile, 'utf8').trim();
  if (password.length < MIN_PASSWORD_LENGTH) {
    throw new CommandFailure(`${ingestPasswordFile}: a password has at least ${MIN_PASSWORD_LENGTH} characters`);
  }
  const pid = pidFile === undefined ? undefined : parsePid(pidFile);
  const { databaseUrl } = await findStores();
  const { devices } = await refreshLogins({ databaseUrl, folder, ingestHash: hashForMosquitto(password) });
  if (pid !== undefined) process.kill(pid, 'SIGHUP');
  const next = pid === undefined ? 'make Mosquitto read the files again: kill -HUP <pid>' : 'Mosquitto reads them now';
  tellDone(options, { devices, told: pid !== undefined }, `${devices} devices can log in; ${next}`);
}

function parsePid(file: string): number {
  const text = readFileSync(file, 'utf8').trim();
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new CommandFailure(`${file} does not hold a process id`);
  return Number(text);
}
