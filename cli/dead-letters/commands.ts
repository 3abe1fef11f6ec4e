import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { discardLetters, listLetters, replayLetters } from './letter-commands.ts';

export function addDeadLetterCommands(program: Command): void {
  const dlq = addGroup(program, 'dlq', 'what was acknowledged to a device and cannot be stored');
  addCommand(dlq, {
    usage: 'list',
    description: 'list dead letters, shard by shard, the oldest first',
    examples: ['dlq list', 'dlq list --reason reading-conflict --limit 10'],
  })
    .option('--reason <reason>', 'those with this reason alone')
    .option('--limit <number>', 'how many at most', '100')
    .action(async (options: Parameters<typeof listLetters>[0]) =>
      (await import('./letter-commands.ts')).listLetters(options),
    );
  addCommand(dlq, {
    usage: 'show <name>',
    description: 'print one dead letter whole, as JSON',
    examples: ['dlq show 3/1790000000000-0'],
  }).action(async (name: string, options: OutputOptions) =>
    (await import('./letter-commands.ts')).showLetter(name, options),
  );
  addCommand(dlq, {
    usage: 'replay [names...]',
    description: 'put dead letters back into the log; what still cannot be stored becomes a dead letter again',
    examples: ['dlq replay 3/1790000000000-0', 'dlq replay --reason integrity-violation'],
  })
    .option('--reason <reason>', 'all with this reason')
    .option('--all', 'all', false)
    .action(async (names: string[], options: Parameters<typeof replayLetters>[1]) =>
      (await import('./letter-commands.ts')).replayLetters(names, options),
    );
  addCommand(dlq, {
    usage: 'discard [names...]',
    description: 'delete dead letters: their readings are gone then; asks before it deletes those that are not named',
    examples: ['dlq discard 3/1790000000000-0', 'dlq discard --reason reading-conflict --yes'],
  })
    .option('--reason <reason>', 'all with this reason')
    .option('--all', 'all', false)
    .option('--yes', 'do not ask', false)
    .action(async (names: string[], options: Parameters<typeof discardLetters>[1]) =>
      (await import('./letter-commands.ts')).discardLetters(names, options),
    );
}
