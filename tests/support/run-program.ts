import { describeExit } from '../../scripts/process/exit-status.ts';
import { startProgram, THIS_BUILD, type ServiceSettings } from './process.ts';

/** Runs a compiled program of the platform to its end, which must be a success. */
export async function runProgram(
  program: string,
  args: readonly string[],
  settings: ServiceSettings,
  tree = THIS_BUILD,
): Promise<void> {
  await using started = await startProgram(program, args, settings, tree);
  const status = await started.running.exited;
  if (status.code !== 0) throw started.running.explain(`failed with ${describeExit(status)}`);
}
