import { readFileSync, utimesSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { hashForMosquitto } from '../platform/crypto/mosquitto-password.ts';
import { findStores } from '../cli/stores/find-stores.ts';
import { LoginsFollower } from './dev-stack/logins-follower.ts';
import { PASSWORD_FILE } from '../cli/broker-logins/write-logins.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { createStopRequest } from './process/stop-request.ts';

interface BrokerLoginsOptions {
  readonly folder: string;
  readonly ingestPasswordFile: string;
  readonly pid: number;
}

function parsePid(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new InvalidArgumentError('it is a number.');
  return Number(text);
}

/** Runs beside Mosquitto: its logins are those of the registry half a second after a change. */
await runMain(async () => {
  const options = new Command('broker-logins')
    .description('Keeps the logins of the MQTT broker current, until it is stopped.')
    .requiredOption('--folder <folder>', 'where Mosquitto reads its files "passwords" and "acl"')
    .requiredOption('--ingest-password-file <file>', 'file with the password that ingest logs in with')
    .requiredOption('--pid <number>', 'process id of Mosquitto, which is told to read its files again', parsePid)
    .parse()
    .opts<BrokerLoginsOptions>();
  const { databaseUrl, redisUrl } = await findStores();
  if (redisUrl === undefined) throw new CommandFailure('REDIS_URL is not set: it says when the registry has changed.');
  const password = readFileSync(options.ingestPasswordFile, 'utf8').trim();
  const passwords = join(options.folder, PASSWORD_FILE);
  const stop = createStopRequest();
  await using _follower = new LoginsFollower({
    target: { databaseUrl, folder: options.folder, ingestHash: hashForMosquitto(password) },
    redisUrl,
    reload: () => process.kill(options.pid, 'SIGHUP'),
    // For a health check: the file is as old as the last time that it was compared with the registry.
    onCurrent: () => utimesSync(passwords, new Date(), new Date()),
    tell: (line) => console.error(line),
  });
  if (!stop.aborted) await once(stop, 'abort');
  return 0;
});
