import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { plainEnvironment } from '../../scripts/dev-stack/environment.ts';
import type { ServiceSettings } from './process.ts';

export interface CommandRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandPlace {
  /** Of the compiled program. */
  readonly program?: string;
  readonly cwd?: string;
}

/** `telltale` with these arguments, as its user sees it. */
export async function runTelltale(
  args: readonly string[],
  settings: ServiceSettings,
  { program = 'dist/cli/main.js', cwd }: CommandPlace = {},
): Promise<CommandRun> {
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], {
    env: { ...plainEnvironment(process.env), TELLTALE_DEV_DIR: '/nowhere', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

/**
 * The same at a terminal of its own, made by script(1), where somebody types a line once the program asks for it.
 *
 * @param prompt what it asks, as it stands at the end of what was printed
 */
export async function runTelltaleAtTerminal(
  args: readonly string[],
  settings: ServiceSettings,
  { prompt, answer }: { readonly prompt: RegExp; readonly answer: string },
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const command = [process.execPath, 'dist/cli/main.js', ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...plainEnvironment(process.env), TELLTALE_DEV_DIR: '/nowhere', TERM: 'dumb', ...settings },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let isAnswered = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (isAnswered || !prompt.test(shown)) return;
    isAnswered = true;
    child.stdin.write(`${answer}\n`);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status));
  });
  return { code, shown };
}
