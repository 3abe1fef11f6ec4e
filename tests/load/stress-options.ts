import { Command, Option } from 'commander';
import { z } from 'zod';
import { fleetOptions, parseOptions, url } from '../../firmware-sim/commands/option-values.ts';
import { UsageError } from '../../firmware-sim/usage-error.ts';
import { CommandFailure } from '../../scripts/process/failure.ts';

const count = z
  .string()
  .regex(/^[1-9][0-9]{0,5}$/, 'must be a whole number from 1 to 999999')
  .transform(Number);

const ingestSchema = z.object({
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
export type IngestStressOptions = z.infer<typeof ingestSchema>;

const broadcastSchema = z.object({
  clients: count.prefault('100'),
  alerts: count.prefault('50'),
  url: z
    .string()
    .transform((text) => text.split(','))
    .pipe(
      z.array(z.url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL, or several with commas between' })),
    )
    .default([]),
  token: z.string().optional(),
  json: z.boolean().default(false),
});
export type BroadcastStressOptions = z.infer<typeof broadcastSchema>;

const reconnectSchema = z.object({ clients: count.prefault('5000'), json: z.boolean().default(false) });
export type ReconnectStressOptions = z.infer<typeof reconnectSchema>;

export type StressOptions =
  | ({ readonly part: 'ingest' } & IngestStressOptions)
  | ({ readonly part: 'broadcast' } & BroadcastStressOptions)
  | ({ readonly part: 'reconnect' } & ReconnectStressOptions);

const json = (): Option => new Option('--json', 'the last line of the output is the result as JSON');

/** @throws CommandFailure with all that is wrong */
export function parseStressOptions(argv: readonly string[]): StressOptions {
  let options: StressOptions | undefined;
  const command = new Command('npm run stress --').description(
    'Puts a part of the platform under load and accounts for all of it.',
  );
  command
    .command('ingest')
    .description('honest and hostile senders; every answer is accounted for')
    .option('--sensors <n>', 'virtual sensors, each at an address of its own (default: 200)')
    .option('--seconds <s>', 'how long they send (default: 20)')
    .option('--url <url>', 'an ingest that knows the fleet (default: a private platform)')
    .option('--fleet <dir>', 'folder of the fleet that the ingest at --url knows (default: .telltale/fleets)')
    .addOption(json())
    .action((given: unknown) => {
      options = { part: 'ingest', ...parseOptions(ingestSchema, given) };
    });
  command
    .command('broadcast')
    .description('mobile clients over two broadcasters; each has to get each alert exactly once')
    .option('--clients <n>', 'clients at once (default: 100)')
    .option('--alerts <n>', 'alerts, 20 a second (default: 50)')
    .option('--url <url>', 'broadcasters that run, with commas between (default: two private ones)')
    .option('--token <token>', 'that those ask for; see telltale token')
    .addOption(json())
    .action((given: unknown) => {
      options = { part: 'broadcast', ...parseOptions(broadcastSchema, given) };
    });
  command
    .command('reconnect')
    .description('clients that lose their connections at once, by a restart and by a kill; all have to be back in 30 s')
    .option('--clients <n>', 'clients at once (default: 5000)')
    .addOption(json())
    .action((given: unknown) => {
      options = { part: 'reconnect', ...parseOptions(reconnectSchema, given) };
    });
  try {
    command.parse(argv);
  } catch (error) {
    throw error instanceof UsageError ? new CommandFailure(error.message, { cause: error }) : error;
  }
  if (options === undefined) throw new CommandFailure(command.helpInformation());
  return options;
}
