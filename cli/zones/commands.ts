import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';

export function addZoneCommands(program: Command): void {
  const zones = addGroup(program, 'zones', 'named areas, for geofences, subscribers and devices');
  addCommand(zones, {
    usage: 'import <file>',
    description: 'add the zones of a GeoJSON file, or replace those that have their ids: all of them or none',
    examples: ['zones import harbour.geojson'],
  }).action(async (file: string, options: OutputOptions) =>
    (await import('./import-zones.ts')).importZones(file, options),
  );
  addCommand(zones, {
    usage: 'list',
    description: 'list zones, and how many devices stand in each',
    examples: ['zones list'],
  }).action(async (options: OutputOptions) => (await import('./list-zones.ts')).listZones(options));
}
