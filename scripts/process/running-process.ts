import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describeExit, waitForExit, type ExitStatus } from './exit-status.ts';
import { CommandFailure } from './failure.ts';
import type { Guard } from './guard.ts';
import { LineBuffer } from './line-buffer.ts';

const KEPT_LINES = 200;
const SHOWN_LINES = 15;

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly logPath?: string;
  readonly onLine?: (line: string) => void;
}

interface Outputs {
  readonly all: LineBuffer;
  readonly standard: LineBuffer;
}

export class RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** After its last output was read. */
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;
  readonly #output: LineBuffer;
  readonly #results: LineBuffer;
  #stopping = false;

  constructor(name: string, pid: number, exited: Promise<ExitStatus>, child: ChildProcess, outputs: Outputs) {
    this.name = name;
    this.pid = pid;
    this.exited = exited;
    this.#child = child;
    this.#output = outputs.all;
    this.#results = outputs.standard;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Whether somebody asked it to end. */
  get isStopping(): boolean {
    return this.#stopping;
  }

  /** The last line of its standard output, where a program with --json puts its result. */
  get result(): string {
    return this.#results.last(1)[0] ?? '';
  }

  lastLines(count = SHOWN_LINES): readonly string[] {
    return this.#output.last(count);
  }

  explain(what: string): CommandFailure {
    const lines = this.lastLines().map((line) => `  ${line}`);
    return new CommandFailure(
      [`${this.name} ${what}.`, ...(lines.length > 0 ? ['Its last lines:', ...lines] : [])].join('\n'),
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#stopping = true;
    this.#child.kill(signal);
  }

  /** Asks with the signal, insists with SIGKILL after the deadline. */
  async stop(deadlineMs: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<ExitStatus> {
    this.#stopping = true;
    if (!this.hasExited) this.#child.kill(signal);
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(insist);
    }
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}

/**
 * The process gets a session of its own: Ctrl-C in the terminal reaches only the command that started it, which stops
 * everything in order.
 */
export async function startProcess(spec: ProcessSpec, guard?: Guard): Promise<RunningProcess> {
  const child = spawn(spec.command, spec.args, {
    env: spec.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(spec.cwd !== undefined && { cwd: spec.cwd }),
    ...(spec.uid !== undefined && { uid: spec.uid }),
    ...(spec.gid !== undefined && { gid: spec.gid }),
  });
  const outputs: Outputs = { all: new LineBuffer(KEPT_LINES), standard: new LineBuffer(1) };
  const log = spec.logPath === undefined ? undefined : createWriteStream(spec.logPath, { mode: 0o600 });
  readLines(child.stdout, (line) => outputs.standard.add(line));
  for (const stream of [child.stdout, child.stderr]) {
    readLines(stream, (line) => {
      outputs.all.add(line);
      log?.write(`${line}\n`);
      spec.onLine?.(line);
    });
  }
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => child.pid !== undefined && resolve(child.pid));
    child.once('error', (cause) =>
      reject(new CommandFailure(`${spec.name} does not start: ${cause.message}`, { cause })),
    );
  });
  guard?.watch(pid);
  const exited = waitForExit(child).finally(() => {
    guard?.forget(pid);
    log?.end();
  });
  return new RunningProcess(spec.name, pid, exited, child, outputs);
}

/** For a process that does one thing and ends: its last lines when it fails. */
export async function runProcess(spec: ProcessSpec, guard?: Guard): Promise<RunningProcess> {
  const running = await startProcess(spec, guard);
  const status = await running.exited;
  if (status.code !== 0) throw running.explain(`failed with ${describeExit(status)}`);
  return running;
}
