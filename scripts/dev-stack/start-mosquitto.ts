import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import { plainEnvironment } from './environment.ts';

const READY_DEADLINE_MS = 10_000;
/** Debian installs it where an ordinary user's PATH does not lead. */
const DEBIAN_PROGRAM = '/usr/sbin/mosquitto';

export interface MosquittoOptions {
  readonly port: number;
  /** Its own: configuration, sessions and messages. */
  readonly folder: string;
  readonly logPath?: string;
}

export interface RunningMosquitto {
  readonly process: RunningProcess;
  readonly url: string;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

/** A Mosquitto that keeps sessions and messages, as many as come, and asks for no login. */
export async function startMosquitto(options: MosquittoOptions, guard?: Guard): Promise<RunningMosquitto> {
  const { port, folder, logPath } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const configPath = join(folder, 'mosquitto.conf');
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${folder}/`,
    'max_queued_messages 0',
    // As root it would change to the user "mosquitto", who cannot read the folder.
    'user root',
    '',
  ];
  await writeFile(configPath, settings.join('\n'), { mode: 0o600 });
  const running = await startProcess(
    {
      name: 'mosquitto',
      command: existsSync(DEBIAN_PROGRAM) ? DEBIAN_PROGRAM : 'mosquitto',
      args: ['-c', configPath],
      env: plainEnvironment(process.env),
      ...(logPath !== undefined && { logPath }),
    },
    guard,
  );
  await waitUntilReady(running, () => accepts(port), READY_DEADLINE_MS);
  return { process: running, url: `mqtt://127.0.0.1:${port}` };
}
