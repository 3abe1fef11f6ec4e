import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const PARENT_POLL_MS = 1000;

/** npm that is killed cannot pass on a signal: then this process has another parent. */
function watchForNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const npm = process.ppid;
  const poll = setInterval(() => {
    if (process.ppid !== npm) onGone();
  }, PARENT_POLL_MS);
  poll.unref();
  return poll;
}

/**
 * Runs Node until it ends, passes signals on and answers its exit code. The channel between the two tells the child when
 * this process is killed.
 */
export function runScript(args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], ...options });
    const forward = (signal) => child.kill(signal);
    for (const signal of FORWARDED) process.on(signal, forward);
    const poll = watchForNpm(() => {
      clearInterval(poll);
      child.kill('SIGTERM');
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(poll);
      for (const each of FORWARDED) process.off(each, forward);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}
