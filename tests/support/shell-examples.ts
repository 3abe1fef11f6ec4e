import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** Commands of a document, and what it says that they print; undefined where it says nothing. */
export interface ShellExample {
  /** Of the first command. */
  readonly line: number;
  readonly commands: string;
  readonly output: string | undefined;
}

const BLOCK = /^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

/** The blocks of `sh` in a Markdown text, each with the block of `text` right behind it. */
export function findShellExamples(markdown: string): readonly ShellExample[] {
  return [...markdown.matchAll(BLOCK)].map(({ index, 1: commands = '', 2: output }) => {
    return { line: markdown.slice(0, index).split('\n').length + 1, commands, output };
  });
}

/** Stands between the outputs of two blocks. */
const BORDER = '\u001e';

export interface ShellRun {
  readonly outputs: readonly string[];
  readonly errors: string;
  readonly code: number | null;
}

/** Runs the blocks one after the other in one bash, as a reader does, and ends at the first command that fails. */
export async function runShellExamples(
  examples: readonly ShellExample[],
  environment: Readonly<Record<string, string>>,
): Promise<ShellRun> {
  const script = ['set -euo pipefail', ...examples.map(({ commands }) => commands)].join(`\nprintf '${BORDER}'\n`);
  const child = spawn('bash', ['-c', script], { env: { ...process.env, ...environment } });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { outputs: output.split(BORDER).slice(1), errors, code };
}
