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
