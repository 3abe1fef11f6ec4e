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
  const extension = extname(import.meta.filename);
  const program = fileURLToPath(new URL(`guardian${extension}`, import.meta.url));
  // Not what this process was started with: of that, code to evaluate would be evaluated once more, and open another guard.
  const loader = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
  return new Guard(
    spawn(process.execPath, [...loader, program], { stdio: ['pipe', 'ignore', 'inherit'], detached: true }),
  );
}
