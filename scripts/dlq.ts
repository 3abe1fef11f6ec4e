import { Command } from 'commander';
import { discardLetters, listLetters, replayLetters, showLetter } from '../cli/dead-letters/letter-commands.ts';
import { printableLines } from '../cli/output/printable.ts';

/** `npm run dlq`: the same as `telltale dlq`. */
const program = new Command('dlq').description(
  'The dead letters: what was acknowledged to a device and cannot be stored, with the reason. They are kept until they are ' +
    'replayed or discarded. Of the platform that runs here, or of the one at REDIS_URL.',
);

program
  .command('list')
  .option('--reason <reason>', 'those with this reason alone')
  .option('--limit <number>', 'how many at most', '100')
  .option('--json', 'as JSON', false)
  .description('list dead letters, shard by shard, the oldest first')
  .action(listLetters);
program
  .command('show')
  .argument('<name>', 'as the list has it, such as 3/1790000000000-0')
  .description('print one dead letter whole, as JSON')
  .action(showLetter);
program
  .command('replay')
  .argument('[names...]', 'as the list has them')
  .option('--reason <reason>', 'all with this reason')
  .option('--all', 'all', false)
  .description('put dead letters back into the log; what still cannot be stored becomes a dead letter again')
  .action(replayLetters);
program
  .command('discard')
  .argument('[names...]', 'as the list has them')
  .option('--reason <reason>', 'all with this reason')
  .option('--all', 'all', false)
  .option('--yes', 'do not ask', false)
  .description('delete dead letters: their readings are gone then; asks before it deletes those that are not named')
  .action(discardLetters);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`dlq: ${printableLines(error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 1;
}
