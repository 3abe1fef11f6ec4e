import { createInterface } from 'node:readline/promises';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';

/**
 * Returns when whoever sits at the terminal types "yes". Rejects with `unchanged` for every other answer, and without a terminal.
 *
 * @param question what is about to be done, with its question mark
 * @param unchanged what has become of it then: "nothing is dropped"
 */
export async function confirm(question: string, unchanged: string): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageFailure(`${question} Add --yes: there is nobody to ask`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // The end of the input is an answer too: it is not "yes".
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(`${question} Type "yes": `), ended]);
    if (answer.trim() !== 'yes') throw new CommandFailure(unchanged);
  } finally {
    lines.close();
  }
}
