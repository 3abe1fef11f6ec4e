import { readFileSync } from 'node:fs';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { findStores } from '../stores/find-stores.ts';
import { refreshLogins } from './refresh-logins.ts';
import { readPidFile, tellBroker } from './tell-broker.ts';

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
  // Before anything is written: a file that holds something else is a mistake of the command line.
  if (pidFile !== undefined) readPidFile(pidFile);
  const { databaseUrl } = await findStores();
  const { devices } = await refreshLogins({ databaseUrl, folder, ingestHash: hashForMosquitto(password) });
  if (pidFile !== undefined) tellBrokerOf(pidFile);
  const next =
    pidFile === undefined ? 'make Mosquitto read the files again: kill -HUP <pid>' : 'Mosquitto reads them now';
  tellDone(options, { devices, told: pidFile !== undefined }, `${devices} devices can log in; ${next}`);
}

function tellBrokerOf(pidFile: string): void {
  const pid = readPidFile(pidFile);
  if (pid !== undefined && tellBroker(pid)) return;
  throw new CommandFailure(
    `the logins are written, and no Mosquitto runs as ${pidFile} says: it reads them when it is started`,
  );
}
