import { Command, Option } from 'commander';
import { z } from 'zod';
import type { Bench } from './bench.ts';

export interface BenchOptions {
  readonly bench: string | undefined;
  readonly json: boolean;
  readonly data?: string | undefined;
}

const flagsSchema = z.object({ json: z.boolean(), data: z.string().optional() });

export function parseBenchOptions(argv: readonly string[], benches: readonly Bench[]): BenchOptions {
  const command = new Command('npm run bench --')
    .description('Measures one part of the platform on private servers and fails below its bars.')
    .argument('[bench]', 'what to measure')
    .addOption(new Option('--json', 'the result as one line of JSON').default(false))
    .addOption(new Option('--data <folder>', 'recordings, for the bench detection-real'))
    .addHelpText(
      'after',
      ['', 'Benches:', ...benches.map(({ name, description }) => `  ${name.padEnd(15)} ${description}`)].join('\n'),
    );
  command.parse(argv);
  return { bench: command.args[0], ...flagsSchema.parse(command.opts()) };
}
