import { spawn } from 'node:child_process';
import { waitForExit } from './exit-status.ts';

const INTERRUPTED = 130;

/** Runs a command with our terminal until it ends, or asks it to end when the signal aborts. Answers its exit code. */
export async function runAttached(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env });
  const end = () => {
    // Ctrl-C has reached the child by itself: the terminal sends it to both.
    if (stop.reason !== 'SIGINT' || !process.stdin.isTTY) child.kill('SIGTERM');
  };
  stop.addEventListener('abort', end, { once: true });
  const { code } = await waitForExit(child);
  stop.removeEventListener('abort', end);
  return code ?? INTERRUPTED;
}
