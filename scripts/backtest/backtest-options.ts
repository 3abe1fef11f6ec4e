import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

const optionsSchema = z.object({ rule: z.string(), from: z.number(), to: z.number(), json: z.boolean() });

export interface BacktestOptions {
  /** File with one rule or a list of them. */
  readonly rule: string;
  /** Of the arrival of readings, Unix microseconds. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly json: boolean;
}

const timeSchema = z.iso.datetime({ offset: true });

function parseTime(text: string): number {
  if (!timeSchema.safeParse(text).success) {
    throw new InvalidArgumentError('It must be a time with its offset, such as 2026-11-22T10:00:00Z.');
  }
  return Date.parse(text) * 1000;
}

export function parseBacktestOptions(argv: readonly string[]): BacktestOptions {
  const command = new Command('npm run backtest --')
    .description('Runs rules over stored readings: what would have fired, when, and why. Nobody is alerted.')
    .addOption(new Option('--rule <file>', 'JSON file with one rule or a list of rules').makeOptionMandatory())
    .addOption(
      new Option('--from <time>', 'readings that came then or later').argParser(parseTime).makeOptionMandatory(),
    )
    .addOption(new Option('--to <time>', 'and before this time').argParser(parseTime).makeOptionMandatory())
    .addOption(new Option('--json', 'the result as one line of JSON').default(false))
    .addHelpText('after', '\nReads the platform that runs here, or the database at DATABASE_URL.');
  command.parse(argv);
  const { rule, from: fromUs, to: toUs, json } = optionsSchema.parse(command.opts());
  if (fromUs >= toUs) command.error('error: --to must be later than --from');
  return { rule, fromUs, toUs, json };
}
