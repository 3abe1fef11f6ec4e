import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import { ACL_FILE, PASSWORD_FILE } from '../../cli/broker-logins/write-logins.ts';
import { plainEnvironment } from './environment.ts';

const READY_DEADLINE_MS = 10_000;
/** Debian installs it where an ordinary user's PATH does not lead. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];
const DEPLOYED_CONFIG = 'deploy/mosquitto/mosquitto.conf';
const WITHOUT_LOGINS = [
  ['use_username_as_clientid true', ''],
  ['listener 1885 127.0.0.1', ''],
  ['allow_anonymous false', 'allow_anonymous true'],
  ['password_file /mosquitto/config/passwords', ''],
  ['acl_file /mosquitto/config/acl', ''],
] as const;

export interface MosquittoOptions {
  readonly port: number;
  /** Its own: configuration, sessions and messages. */
  readonly folder: string;
  /** Without it anybody may do anything. */
  readonly logins?: MosquittoLogins;
  readonly logPath?: string;
}

export interface MosquittoLogins {
  /** With the password file and the topic ACL. */
  readonly folder: string;
  /** Where ingest connects. */
  readonly ingestPort: number;
}

export interface RunningMosquitto {
  readonly process: RunningProcess;
  readonly url: string;
}

/** The program's path, undefined where it is not installed. */
export function findMosquitto(path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter), ...DAEMON_FOLDERS].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'mosquitto')).find(existsSync);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

/** The deployed configuration, with the places and the ports of this one. */
async function configFor({ port, folder, logins }: MosquittoOptions): Promise<string> {
  const deployed = await readFile(DEPLOYED_CONFIG, 'utf8');
  const places = [
    ['listener 1883', `listener ${port} 127.0.0.1`],
    ['persistence_location /mosquitto/data/', `persistence_location ${folder}/`],
    ...(logins === undefined ? WITHOUT_LOGINS : placesOf(logins)),
  ] as const;
  const lines = deployed.split('\n');
  for (const [line, own] of places) {
    const index = lines.indexOf(line);
    if (index === -1) throw new Error(`${DEPLOYED_CONFIG} has no line "${line}"`);
    lines[index] = own;
  }
  // As root it would change to the user "mosquitto", who cannot read the folder.
  return [...lines, 'user root', ''].join('\n');
}

function placesOf({ folder, ingestPort }: MosquittoLogins): readonly (readonly [string, string])[] {
  return [
    ['listener 1885 127.0.0.1', `listener ${ingestPort} 127.0.0.1`],
    ['password_file /mosquitto/config/passwords', `password_file ${join(folder, PASSWORD_FILE)}`],
    ['acl_file /mosquitto/config/acl', `acl_file ${join(folder, ACL_FILE)}`],
  ];
}

/** A Mosquitto as it is deployed, on this machine alone. */
export async function startMosquitto(options: MosquittoOptions, guard?: Guard): Promise<RunningMosquitto> {
  const { port, folder, logPath } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const configPath = join(folder, 'mosquitto.conf');
  await writeFile(configPath, await configFor(options), { mode: 0o600 });
  const running = await startProcess(
    {
      name: 'mosquitto',
      command: findMosquitto() ?? 'mosquitto',
      args: ['-c', configPath],
      env: plainEnvironment(process.env),
      ...(logPath !== undefined && { logPath }),
    },
    guard,
  );
  await waitUntilReady(running, () => accepts(port), READY_DEADLINE_MS);
  return { process: running, url: `mqtt://127.0.0.1:${port}` };
}
