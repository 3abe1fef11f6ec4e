import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis as startRedisServer, type RunningRedis } from '../../scripts/dev-stack/start-redis.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import { endWithTests } from './end-with-tests.ts';

const STOP_DEADLINE_MS = 10_000;

/** A private redis-server: AOF always, noeviction, a free port and a folder that both survive restarts. */
export class TestRedis {
  readonly url: string;
  readonly #start: () => Promise<RunningRedis>;
  /** Its configuration and its data. */
  readonly folder: string;
  #process: RunningProcess;

  constructor(first: RunningRedis, start: () => Promise<RunningRedis>, folder: string) {
    this.url = first.url;
    this.#process = first.process;
    this.#start = start;
    this.folder = folder;
  }

  /** Remembers the data of a stopped server; the answer brings it back, as who restores a backup does. */
  async backUp(): Promise<() => Promise<void>> {
    const copy = `${this.folder}-backup`;
    await cp(this.folder, copy, { recursive: true });
    return async () => {
      await rm(this.folder, { recursive: true });
      await rename(copy, this.folder);
    };
  }

  /** Killed, and its data is gone. */
  async wipe(): Promise<void> {
    await this.kill9();
    await rm(join(this.folder, 'appendonlydir'), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.#process.stop(STOP_DEADLINE_MS);
  }

  async kill9(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  /** After stop or kill9: the same port and the same data. */
  async restart(): Promise<void> {
    this.#process = (await this.#start()).process;
  }

  /** Alive and silent, as a frozen or unreachable server is. */
  pause(): void {
    process.kill(this.#process.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#process.pid, 'SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#process.hasExited) this.resume();
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-redis-'));
  const password = randomBytes(18).toString('base64url');
  const port = await findFreePort();
  const start = async () => {
    const running = await startRedisServer({ port, password, folder });
    endWithTests(running.process);
    return running;
  };
  return new TestRedis(await start(), start, folder);
}
