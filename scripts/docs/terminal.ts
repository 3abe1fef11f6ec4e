import { plainEnvironment } from '../dev-stack/environment.ts';
import { CommandFailure } from '../process/failure.ts';
import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';

const STOP_DEADLINE_MS = 20_000;
/** Before what a command prints. */
const BORDER = '\u001e';

export interface TerminalOptions {
  readonly name: string;
  readonly commands: readonly string[];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** A shell in which somebody types commands one after the other, until one of them fails. */
export class Terminal {
  readonly #commands: readonly string[];
  readonly #lines: readonly string[];
  readonly #running: RunningProcess;

  constructor(commands: readonly string[], lines: readonly string[], running: RunningProcess) {
    this.#commands = commands;
    this.#lines = lines;
    this.#running = running;
  }

  async until(pattern: RegExp, deadlineMs: number): Promise<void> {
    await waitUntilReady(this.#running, () => Promise.resolve(pattern.test(this.#lines.join('\n'))), deadlineMs);
  }

  /** Until its last command has ended, which must be a success. */
  async ended(): Promise<void> {
    const { code } = await this.#running.exited;
    if (code !== 0) throw this.#running.explain(`ended with ${code ?? 'a signal'}`);
  }

  /** Ctrl-C: everything that runs in it is told. */
  async interrupt(): Promise<void> {
    if (this.#running.hasExited) throw new CommandFailure(`${this.#running.name} has ended by itself`);
    process.kill(-this.#running.pid, 'SIGINT');
    const insist = setTimeout(() => process.kill(-this.#running.pid, 'SIGKILL'), STOP_DEADLINE_MS);
    await this.#running.exited;
    clearTimeout(insist);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#running.hasExited) await this.interrupt();
  }

  /** What one would see: each command behind a prompt, and what it has printed. */
  get transcript(): string {
    const [, ...outputs] = `${this.#lines.join('\n')}\n`.split(`${BORDER}\n`);
    return this.#commands.map((command, index) => `$ ${command}\n${outputs[index] ?? ''}`).join('');
  }
}

export async function openTerminal(
  { name, commands, cwd, environment }: TerminalOptions,
  guard: Guard,
): Promise<Terminal> {
  const lines: string[] = [];
  const script = ['set -e', 'exec 2>&1', ...commands.map((command) => `echo '${BORDER}'\n${command}`)].join('\n');
  const running = await startProcess(
    {
      name,
      command: 'bash',
      args: ['-c', script],
      cwd,
      env: { ...plainEnvironment(process.env), npm_config_loglevel: 'error', ...environment },
      onLine: (line) => lines.push(line),
    },
    guard,
  );
  return new Terminal(commands, lines, running);
}
