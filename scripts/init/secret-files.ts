import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSigningKeys } from '../../cli/tokens/signing-keys.ts';

/** Users of the containers, as docker-compose.yml has them: each reads its own secrets alone. */
export const READERS = {
  ingest: 10001,
  worker: 10002,
  broadcaster: 10003,
  redis: 10004,
  postgres: 999,
  grafana: 472,
  /** The user of Mosquitto, which it has to signal. */
  'broker-logins': 1883,
} as const;
export type Reader = keyof typeof READERS;

const CLUSTER_NODES = [1, 2, 3, 4, 5, 6];
/** Of the private key of tokens, which operators mint as the user of the worker. */
const TOKENS = 'tokens';
const SIGNING_KEY = 'signing-key.json';
const TOKEN_FILES = [SIGNING_KEY, 'jwks.json'];

/** Makes what is missing and never changes the content of what is there. Answers the files that it made. */
export async function makeSecrets(folder: string): Promise<readonly string[]> {
  const made: string[] = [];

  const keep = async (reader: Reader, name: string, create: () => string = randomSecret): Promise<string> => {
    const path = join(folder, reader, name);
    const kept = await readFile(path, 'utf8').catch(() => undefined);
    if (kept !== undefined) return kept;
    await mkdir(join(folder, reader), { recursive: true, mode: 0o755 });
    const text = create();
    await writeFile(`${path}.new`, text, { mode: 0o400 });
    await giveTo(READERS[reader], `${path}.new`);
    await rename(`${path}.new`, path);
    made.push(`${reader}/${name}`);
    return text;
  };

  const redis = await keep('redis', 'password');
  await keep('redis', 'auth.conf', () => `requirepass ${redis}\nmasterauth ${redis}\n`);
  for (const reader of ['ingest', 'worker', 'broadcaster', 'broker-logins'] as const) {
    const at = (host: string) => `redis://:${redis}@${host}:6379`;
    await keep(reader, 'redis-url', () => at('redis'));
    await keep(reader, 'redis-cluster-url', () => CLUSTER_NODES.map((number) => at(`redis-${number}`)).join(','));
  }

  await keep('postgres', 'superuser-password');
  const owner = await keep('postgres', 'owner-password');
  const databaseReader = await keep('postgres', 'reader-password');
  for (const reader of ['worker', 'broker-logins'] as const) {
    await keep(reader, 'database-url', () => `postgres://telltale:${owner}@postgres:5432/telltale`);
  }
  await keep('grafana', 'database-password', () => databaseReader);
  await keep('grafana', 'admin-password');

  const mqtt = await keep('broker-logins', 'mqtt-password');
  const mqttUrl = await keep('ingest', 'mqtt-url', () => `mqtt://_ingest:${mqtt}@mosquitto:1885`);
  // Operators look at the broker as the user of the worker, with "telltale doctor".
  await keep('worker', 'mqtt-url', () => mqttUrl);
  await keep('ingest', 'mqtt-group');

  made.push(...(await makeSigningKeys(join(folder, TOKENS))).map((name) => `${TOKENS}/${name}`));
  return made;
}

/** Mends what an init that was ended halfway has left: one file without the other, or a key that its user may not read. */
async function makeSigningKeys(folder: string): Promise<readonly string[]> {
  const missing = TOKEN_FILES.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await openSigningKeys(folder, false);
  }
  await giveTo(READERS.worker, join(folder, SIGNING_KEY));
  return missing;
}

/** Nothing to do where this process is not root: there is one user then. */
export async function giveTo(user: number, path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, user, user);
}

function randomSecret(): string {
  return randomBytes(24).toString('base64url');
}
