import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

const optionsSchema = z.object({
  sim: z.boolean(),
  json: z.boolean(),
  exitAfter: z.number().optional(),
});
export type StartOptions = z.infer<typeof optionsSchema>;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return seconds;
}

export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Runs the whole platform on this machine, until Ctrl-C.')
    .addOption(new Option('--no-sim', 'without the simulated fleet'))
    .addOption(new Option('--exit-after <seconds>', 'stop by itself, counted from ready').argParser(parseSeconds))
    .addOption(new Option('--json', 'count the readings of this run; the summary is the last line').default(false))
    .addHelpText(
      'after',
      '\nDATABASE_URL and REDIS_URL switch to real servers; all other settings are in .env.example.',
    );
  command.parse(argv);
  return optionsSchema.parse(command.opts());
}
