import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Ends the watched processes when this one dies without having stopped them, even by SIGKILL. */
export class Guard {
  readonly #guardian: ChildProcess;

  constructor(guardian: ChildProcess) {
    this.#guardian = guardian;
    // Without its guardian a command still works, and still stops what it started.
    guardian.stdin?.on('error', () => undefined);
  }

  watch(pid: number): void {
    this.#guardian.stdin?.write(`+${pid}\n`);
  }

  forget(pid: number): void {
    this.#guardian.stdin?.write(`-${pid}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#guardian.exitCode !== null || this.#guardian.signalCode !== null) return;
    const exited = once(this.#guardian, 'exit');
    this.#guardian.stdin?.end();
    await exited;
  }
}

export function openGuard(): Guard {
  const program = fileURLToPath(new URL(`guardian${extname(import.meta.filename)}`, import.meta.url));
  return new Guard(
    spawn(process.execPath, [...process.execArgv, program], { stdio: ['pipe', 'ignore', 'inherit'], detached: true }),
  );
}
