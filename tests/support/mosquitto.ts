import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMosquitto as startMosquittoServer } from '../../scripts/dev-stack/start-mosquitto.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { endWithTests } from './end-with-tests.ts';

const STOP_DEADLINE_MS = 5_000;

export interface TestBroker extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
  /** After stop: the same port, and the sessions and messages that it had. */
  restart(): Promise<void>;
}

/** A private Mosquitto on a free port, without logins. */
export async function startMosquitto(): Promise<TestBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-mosquitto-'));
  const port = await findFreePort();
  const start = async () => {
    const running = await startMosquittoServer({ port, folder });
    endWithTests(running.process);
    return running;
  };
  let running = await start();
  const stop = async () => {
    await running.process.stop(STOP_DEADLINE_MS);
  };
  return {
    url: running.url,
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
