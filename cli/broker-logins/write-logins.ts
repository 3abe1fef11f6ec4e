import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { mqttUserName } from '../../contracts/mqtt-login.ts';
import { mqttTopics } from '../../contracts/mqtt-topics.ts';
import type { BrokerLogin } from '../../platform/postgres/broker-logins.ts';

export const PASSWORD_FILE = 'passwords';
export const ACL_FILE = 'acl';

/** The name that ingest logs in by; no device can have it, because device ids begin with a letter or a digit. */
export const INGEST_LOGIN = '_ingest';

export interface Logins {
  /** Of ingest's password, as Mosquitto keeps it. */
  readonly ingestHash: string;
  readonly devices: readonly BrokerLogin[];
}

/** Writes Mosquitto's password file and topic ACL, each at once. Answers whether Mosquitto has something new to read. */
export async function writeLogins(folder: string, logins: Logins): Promise<boolean> {
  const acl = await replace(folder, ACL_FILE, formatAcl(logins.devices));
  const passwords = await replace(folder, PASSWORD_FILE, formatPasswords(logins));
  return acl || passwords;
}

function formatPasswords({ ingestHash, devices }: Logins): string {
  const lines = devices.map(({ deviceId, hash }) => `${mqttUserName(deviceId)}:${hash}\n`);
  return [`${INGEST_LOGIN}:${ingestHash}\n`, ...lines].join('');
}

/** A device publishes and reads its own topics alone; `%u` is the name that it logged in by. */
function formatAcl(devices: readonly BrokerLogin[]): string {
  const renamed = devices.map(({ deviceId }) => deviceId).filter((id) => mqttUserName(id) !== id);
  return [
    `user ${INGEST_LOGIN}`,
    `topic read ${mqttTopics.telemetry('+')}`,
    `topic write ${mqttTopics.receipts('+')}`,
    '',
    ...renamed.flatMap((id) => [
      `user ${mqttUserName(id)}`,
      `topic write ${mqttTopics.telemetry(id)}`,
      `topic read ${mqttTopics.receipts(id)}`,
      '',
    ]),
    `pattern write ${mqttTopics.telemetry('%u')}`,
    `pattern read ${mqttTopics.receipts('%u')}`,
    '',
  ].join('\n');
}

/**
 * For Mosquitto alone: what root writes belongs to the owner of the folder, as whom Mosquitto reads it. That owner must not
 * make root write somewhere else: a link that lies in the way is removed, and one that comes back ends the command.
 */
async function replace(folder: string, name: string, text: string): Promise<boolean> {
  const path = join(folder, name);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false;
  const next = `${path}.next`;
  await rm(next, { force: true });
  const file = await open(next, 'wx', 0o600);
  try {
    await file.writeFile(text);
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(folder);
      await file.chown(uid, gid);
    }
  } finally {
    await file.close();
  }
  await rename(next, path);
  return true;
}
