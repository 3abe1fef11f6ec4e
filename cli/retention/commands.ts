import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { dropOld } from './drop-old.ts';

export function addRetentionCommands(program: Command): void {
  const retention = addGroup(program, 'retention', 'what the database keeps, and what the worker drops');
  addCommand(retention, {
    usage: 'show',
    description: 'each partition with its size, and which of them TELLTALE_WORKER_KEEP_*_DAYS would have dropped',
    examples: ['retention', 'retention show --json'],
    isDefault: true,
  }).action(async (options: OutputOptions) => (await import('./show-retention.ts')).showRetention(options));
  addCommand(retention, {
    usage: 'drop',
    description: 'drop now the partitions that are wholly older than a date (UTC); asks before it does',
    examples: ['retention drop --before 2026-01-01', 'retention drop --before 2026-01-01 --table readings --yes'],
  })
    .requiredOption('--before <date>', 'day, such as 2026-01-01')
    .option('--table <table...>', 'of these tables alone')
    .option('--yes', 'do not ask', false)
    .action(async (options: Parameters<typeof dropOld>[0]) => (await import('./drop-old.ts')).dropOld(options));
}
