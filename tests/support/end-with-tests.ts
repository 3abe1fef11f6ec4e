import type { RunningProcess } from '../../scripts/process/running-process.ts';

/** A test file that ends without disposing of a process must not leave it behind. */
export function endWithTests(running: RunningProcess): void {
  const kill = () => running.kill('SIGKILL');
  process.once('exit', kill);
  void running.exited.then(() => process.off('exit', kill));
}
