import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnvironment } from '../../scripts/dev-stack/environment.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { startProcess } from '../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../scripts/process/wait-until-ready.ts';
import { endWithTests } from './end-with-tests.ts';

const READY_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;
/** Debian installs it where an ordinary user's PATH does not lead. */
const DEBIAN_PROGRAM = '/usr/sbin/mosquitto';

export interface TestBroker extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
  /** After stop: the same port, and the sessions and messages that it had. */
  restart(): Promise<void>;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

/** A private Mosquitto on a free port, without logins. */
export async function startMosquitto(): Promise<TestBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-mosquitto-'));
  const port = await findFreePort();
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
  const start = async () => {
    const running = await startProcess({
      name: 'mosquitto',
      command: existsSync(DEBIAN_PROGRAM) ? DEBIAN_PROGRAM : 'mosquitto',
      args: ['-c', configPath],
      env: plainEnvironment(process.env),
    });
    endWithTests(running);
    await waitUntilReady(running, () => accepts(port), READY_DEADLINE_MS);
    return running;
  };
  let running = await start();
  const stop = async () => {
    await running.stop(STOP_DEADLINE_MS);
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    stop,
    restart: async () => {
      running = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
