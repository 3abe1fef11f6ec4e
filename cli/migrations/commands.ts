import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';

export function addMigrationCommands(program: Command): void {
  addCommand(program, {
    usage: 'migrate',
    description: 'bring the tables of the database at DATABASE_URL to this version',
    examples: ['migrate'],
  }).action(async (options: OutputOptions) => {
    const { readDatabaseUrl } = await import('../stores/find-stores.ts');
    await (await import('./migrate-database.ts')).migrateDatabase(readDatabaseUrl(), options);
  });
}
