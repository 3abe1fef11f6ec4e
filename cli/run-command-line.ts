import { CommanderError } from 'commander';
import { UsageFailure } from '../platform/lifecycle/command-failure.ts';
import { createProgram } from './program.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

/** Answers the exit code: 0 done, 1 refused or failed, 2 the command line is wrong. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Has told by itself.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    const { explainFailure } = await import('./explain-failure.ts');
    const { printableLines } = await import('./output/printable.ts');
    process.stderr.write(`telltale: ${printableLines(explainFailure(error))}\n`);
    return error instanceof UsageFailure ? WRONG_USAGE : FAILED;
  }
}
