import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { printEnrolmentToken } from './create-enrolment-token.ts';

export function addEnrolmentCommands(program: Command): void {
  addCommand(program, {
    usage: 'enrol-token',
    description: 'make a token that lets one device enrol, and print it, which is done only here',
    examples: ['enrol-token --ttl 1d', 'enrol-token --device dev-101 --lat 19.43 --lon -99.13'],
  })
    .option('--device <id>', 'the only device that it lets in')
    .option('--class <class>', 'fixed or mobile', 'fixed')
    .option('--site <site>', 'where the device stands')
    .option('--owner <owner>', 'whose device it is')
    .option('--lat <degrees>', 'latitude')
    .option('--lon <degrees>', 'longitude')
    .option('--ttl <duration>', 'how long it can be used, such as 30m, 1h or 7d', '1h')
    .action(async (options: Parameters<typeof printEnrolmentToken>[0]) =>
      (await import('./create-enrolment-token.ts')).printEnrolmentToken(options),
    );
}
