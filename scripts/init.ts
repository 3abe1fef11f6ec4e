import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { hashForMosquitto } from '../platform/crypto/mosquitto-password.ts';
import { keepRedisMode } from './init/redis-mode.ts';
import { giveTo, makeSecrets, READERS, type Reader } from './init/secret-files.ts';
import { PASSWORD_FILE, writeLogins } from '../cli/broker-logins/write-logins.ts';
import { CommandFailure, runMain } from './process/failure.ts';

interface InitOptions {
  readonly secrets: string;
  readonly logins: string;
  readonly own: readonly string[];
  readonly redisMode: string;
  readonly profiles: string;
}

async function ownFolder(path: string, reader: Reader): Promise<void> {
  await mkdir(path, { recursive: true });
  await giveTo(READERS[reader], path);
  await chmod(path, 0o700);
}

/** Makes the secrets and folders that are missing. May run at any time, also while everything else does. */
await runMain(async () => {
  const { secrets, logins, own, redisMode, profiles } = new Command('init')
    .description(
      'Makes the secrets of an installation with Docker Compose that are missing; leaves those that are there.',
    )
    .requiredOption('--secrets <folder>', 'where each service finds its own')
    .requiredOption('--logins <folder>', 'where Mosquitto reads its files "passwords" and "acl"')
    .option('--own <user:folder...>', 'folders that belong to the user of a service', [])
    .option('--redis-mode <mode>', 'REDIS_MODE: what the services keep their log in', 'redis')
    .option('--profiles <profiles>', 'COMPOSE_PROFILES: what is started besides', '')
    .parse()
    .opts<InitOptions>();
  const made = await makeSecrets(secrets);
  await keepRedisMode(secrets, { mode: redisMode, profiles });
  for (const each of own) {
    const [reader = '', path = ''] = each.split(/:(.*)/s);
    if (!Object.hasOwn(READERS, reader) || path === '') throw new CommandFailure(`"${each}" is not user:folder`);
    await ownFolder(path, reader as Reader);
  }
  await ownFolder(logins, 'broker-logins');
  if (!existsSync(join(logins, PASSWORD_FILE))) {
    const password = await readFile(join(secrets, 'broker-logins', 'mqtt-password'), 'utf8');
    await writeLogins(logins, { ingestHash: hashForMosquitto(password), devices: [] });
  }
  console.log(made.length === 0 ? 'Every secret is there.' : `Made ${made.join(', ')}.`);
  return 0;
});
