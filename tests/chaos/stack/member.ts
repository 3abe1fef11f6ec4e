import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExitStatus } from '../../../scripts/process/exit-status.ts';
import { describeExit } from '../../../scripts/process/exit-status.ts';
import type { RunningProcess } from '../../../scripts/process/running-process.ts';
import type { Breakable } from './chaos-redis.ts';

const STOP_DEADLINE_MS = 10_000;
/** A server that was killed may leave children or files that the next one has to wait for. */
const START_ATTEMPTS = 10;
const BETWEEN_ATTEMPTS_MS = 500;

/** A program of the platform that faults happen to: the same place, ports and data at each start. */
export class Member implements Breakable {
  readonly name: string;
  readonly #start: () => Promise<RunningProcess>;
  readonly #onEnd: (what: string) => void;
  #running: RunningProcess | undefined;

  /** @param onEnd told when the program ends though nobody ended it */
  constructor(name: string, start: () => Promise<RunningProcess>, onEnd: (what: string) => void) {
    this.name = name;
    this.#start = start;
    this.#onEnd = onEnd;
  }

  get runs(): boolean {
    return this.#running !== undefined && !this.#running.hasExited;
  }

  /** Ready when it returns. Does nothing when it runs. */
  async start(): Promise<void> {
    if (this.runs) return;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const running = await this.#start();
        this.#running = running;
        void running.exited.then((status) => this.#ended(running, status));
        return;
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error;
        await delay(BETWEEN_ATTEMPTS_MS);
      }
    }
  }

  async kill9(): Promise<void> {
    const running = this.#require();
    running.kill('SIGKILL');
    await running.exited;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.resume();
    await this.#running?.stop(STOP_DEADLINE_MS, signal);
  }

  /** Alive and silent: it and all its children stand still. */
  freeze(): Promise<void> {
    this.#require();
    this.#signalAll('SIGSTOP');
    return Promise.resolve();
  }

  resume(): void {
    this.#signalAll('SIGCONT');
  }

  /** A fault cannot happen to what is not there. */
  #require(): RunningProcess {
    if (this.#running === undefined || this.#running.hasExited) throw new Error(`${this.name} does not run`);
    return this.#running;
  }

  #ended(running: RunningProcess, status: ExitStatus): void {
    if (!running.isStopping) this.#onEnd(`${this.name} ended by itself (${describeExit(status)})`);
  }

  #signalAll(signal: NodeJS.Signals): void {
    if (this.#running === undefined || this.#running.hasExited) return;
    for (const pid of [this.#running.pid, ...childrenOf(this.#running.pid)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // A child that has ended meanwhile.
      }
    }
  }
}

/** PostgreSQL gives each child a process group of its own. */
function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // The name in parentheses may have spaces in it; the state and the parent follow.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === pid) children.push(Number(entry), ...childrenOf(Number(entry)));
    } catch {
      continue;
    }
  }
  return children;
}
