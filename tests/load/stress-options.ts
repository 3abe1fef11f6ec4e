import { Argument, Command, Option } from 'commander';
import { z } from 'zod';
import { fleetOptions, parseOptions, url } from '../../firmware-sim/commands/option-values.ts';
import { UsageError } from '../../firmware-sim/usage-error.ts';
import { CommandFailure } from '../../scripts/process/failure.ts';

const optionsSchema = z.object({
  sensors: fleetOptions.devices.prefault('200'),
  seconds: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/, 'must be a whole number from 1 to 9999')
    .transform(Number)
    .prefault('20'),
  /** A running platform that knows the fleet; undefined: a private one. */
  url: url.optional(),
  /** Folder of that fleet. */
  fleet: fleetOptions.fleet,
  json: z.boolean().default(false),
});
export type StressOptions = z.infer<typeof optionsSchema>;

/** @throws CommandFailure with all that is wrong */
export function parseStressOptions(argv: readonly string[]): StressOptions {
  const command = new Command('npm run stress --')
    .description('Puts a platform under honest and hostile load and accounts for every answer.')
    .addArgument(new Argument('<part>', 'what to put under load').choices(['ingest']))
    .option('--sensors <n>', 'virtual sensors, each at an address of its own (default: 200)')
    .option('--seconds <s>', 'how long they send (default: 20)')
    .option('--url <url>', 'an ingest that knows the fleet (default: a private platform)')
    .option('--fleet <dir>', 'folder of the fleet that the ingest at --url knows (default: .telltale/fleets)')
    .addOption(new Option('--json', 'the last line of the output is the result as JSON'));
  command.parse(argv);
  try {
    return parseOptions(optionsSchema, command.opts());
  } catch (error) {
    throw error instanceof UsageError ? new CommandFailure(error.message, { cause: error }) : error;
  }
}
