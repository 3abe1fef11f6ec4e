import { Command, Option } from 'commander';
import { z } from 'zod';
import { FSYNCS } from '../../scripts/dev-stack/start-redis.ts';
import { CommandFailure } from '../../scripts/process/failure.ts';
import { FAULTS } from './faults/faults.ts';

const isFault = (name: string): boolean => FAULTS.some((fault) => fault.name === name);

/** There is one for each master. */
const WAIT_REPLICAS = ['0', '1'] as const;

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
  cluster: z.boolean().default(false),
  powerCut: z.enum(FSYNCS).optional(),
  failover: z.enum(WAIT_REPLICAS).transform(Number).optional(),
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
    .option('--cluster', 'a Redis Cluster of three masters and three replicas in place of one Redis')
    .addOption(
      new Option('--power-cut <fsync>', 'no faults: what a power cut takes from a Redis that syncs so').choices(FSYNCS),
    )
    .addOption(
      new Option(
        '--failover <replicas>',
        'no faults: what the failover of a Redis Cluster takes when ingest waits for so many replicas',
      ).choices(WAIT_REPLICAS),
    )
    .addOption(new Option('--json', 'the last line of the output is the result as JSON'));
  command.parse(argv);
  const parsed = optionsSchema.safeParse(command.opts());
  if (!parsed.success) throw new CommandFailure(z.prettifyError(parsed.error));
  const { cluster, embedded, powerCut, failover } = parsed.data;
  if ([cluster, embedded, powerCut !== undefined, failover !== undefined].filter(Boolean).length > 1) {
    throw new CommandFailure('--cluster, --embedded, --power-cut and --failover go one at a time');
  }
  return parsed.data;
}
