import { Command, Option } from 'commander';
import { z } from 'zod';
import { FSYNCS } from '../../scripts/dev-stack/start-redis.ts';
import { CommandFailure } from '../../scripts/process/failure.ts';
import { FAULTS } from './faults/faults.ts';

const isFault = (name: string): boolean => FAULTS.some((fault) => fault.name === name);

const optionsSchema = z.object({
  only: z
    .string()
    .transform((text) => text.split('+'))
    .refine((names) => names.every(isFault) && names.length <= 2, 'no such fault; --help lists them')
    .optional(),
  seed: z
    .string()
    .regex(/^[0-9]{1,9}$/, '--seed must be a whole number')
    .transform(Number)
    .prefault('1'),
  quick: z.boolean().default(false),
  embedded: z.boolean().default(false),
  powerCut: z.enum(FSYNCS).optional(),
  json: z.boolean().default(false),
});
export type ChaosOptions = z.infer<typeof optionsSchema>;

/** @throws CommandFailure with all that is wrong */
export function parseChaosOptions(argv: readonly string[]): ChaosOptions {
  const names = FAULTS.map(({ name }) => name);
  const command = new Command('npm run chaos --')
    .description('Breaks a platform under load in every way that one machine can stage, and counts what was lost.')
    .option('--only <fault>', `this fault alone, or two at once (a+b): ${names.join(', ')}`)
    .option('--seed <n>', 'of the random pairs, and of what is random in a fault (default: 1)')
    .option('--quick', 'shorter faults, no pairs: 6 minutes at most in place of 25')
    .option('--embedded', 'the database of npm start in place of PostgreSQL; kills alone')
    .addOption(
      new Option('--power-cut <fsync>', 'no faults: what a power cut takes from a Redis that syncs so').choices(FSYNCS),
    )
    .addOption(new Option('--json', 'the last line of the output is the result as JSON'));
  command.parse(argv);
  const parsed = optionsSchema.safeParse(command.opts());
  if (!parsed.success) throw new CommandFailure(z.prettifyError(parsed.error));
  return parsed.data;
}
