import { Command, Option } from 'commander';
import { z } from 'zod';
import { parseOptions } from '../../firmware-sim/commands/option-values.ts';
import { UsageError } from '../../firmware-sim/usage-error.ts';
import { CommandFailure } from '../../scripts/process/failure.ts';

const MAX_SEED = 2 ** 31 - 1;
const DEFAULT_CASES = '100000';

const wholeNumber = (low: number, high: number) => {
  const rule = `must be a whole number from ${low} to ${high}`;
  return z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,9})$/, rule)
    .transform(Number)
    .refine((value) => value >= low && value <= high, rule);
};

export interface FuzzOptions {
  /** Of each parser. */
  readonly cases: number;
  /** Undefined: a new one for each run. */
  readonly seed?: number | undefined;
  readonly only?: string | undefined;
  readonly json: boolean;
}

/** @throws CommandFailure with all that is wrong */
export function parseFuzzOptions(argv: readonly string[], parsers: readonly string[]): FuzzOptions {
  const command = new Command('npm run fuzz --')
    .description('Feeds every parser with garbage and with inputs that are nearly right.')
    .option('--cases <n>', `inputs for each parser (default: ${DEFAULT_CASES})`)
    .option('--seed <n>', 'repeats a run (default: another one each time)')
    .option('--only <parser>', `one parser: ${parsers.join(', ')}`)
    .addOption(new Option('--json', 'the last line of the output is the result as JSON'))
    .allowExcessArguments(false);
  command.parse(argv);
  const schema = z.object({
    cases: wholeNumber(1, 100_000_000).prefault(DEFAULT_CASES),
    seed: wholeNumber(0, MAX_SEED).optional(),
    only: z.enum(parsers, `must be one of ${parsers.join(', ')}`).optional(),
    json: z.boolean().default(false),
  });
  try {
    return parseOptions(schema, command.opts());
  } catch (error) {
    throw error instanceof UsageError ? new CommandFailure(error.message, { cause: error }) : error;
  }
}
