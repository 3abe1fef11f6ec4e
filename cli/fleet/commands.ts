import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';

export function addFleetCommands(program: Command): void {
  const fleet = addGroup(program, 'fleet', 'many devices at once');
  addCommand(fleet, {
    usage: 'import <manifest>',
    description: 'register the devices of a JSON file, as "firmware-sim manifest" writes it: all of them or none',
    examples: ['fleet import fleet.json'],
  }).action(async (manifest: string, options: OutputOptions) =>
    (await import('./register-fleet.ts')).registerFleet(manifest, options),
  );
}
