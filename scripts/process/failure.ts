import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

export { CommandFailure };

/** Ends a command line: a failure is one message and exit code 1, anything else is a defect and keeps its stack. */
export async function runMain(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof CommandFailure ? error.message : error);
    process.exitCode = 1;
  }
}
