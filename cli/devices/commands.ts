import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { addDevice } from './add-device.ts';
import type { describeDevice } from './describe-device.ts';
import type { listDevices } from './list-devices.ts';
import type { printClocks } from './print-clocks.ts';
import type { OutputOptions } from '../output/tell.ts';

export function addDeviceCommands(program: Command): void {
  const devices = addGroup(program, 'devices', 'what signs and sends readings');
  addCommand(devices, {
    usage: 'add <device>',
    description: 'register a device and print its new API key, which is shown only here',
    examples: [
      'devices add dev-101 --new-key dev-101.pem --lat 19.43 --lon -99.13',
      'devices add dev-102 --public-key public.pem --site tower --tag roof',
    ],
  })
    .option('--new-key <file>', 'make a key pair: the private key goes into this PEM file (0600)')
    .option('--public-key <file>', 'PEM file with the P-256 public key of the device')
    .option('--key-id <id>', 'name of the key', '1')
    .option('--lat <degrees>', 'latitude')
    .option('--lon <degrees>', 'longitude')
    .option('--mobile', 'the device moves', false)
    .option('--site <site>', 'where the device stands')
    .option('--owner <owner>', 'whose device it is')
    .option('--status <status>', 'what alerts about it are at most: Actual, Exercise or Test')
    .option('--tag <tag...>', 'names by which rules find it')
    .action(async (device: string, options: Parameters<typeof addDevice>[1]) =>
      (await import('./add-device.ts')).addDevice(device, options),
    );
  addCommand(devices, {
    usage: 'list',
    description: 'list devices',
    examples: ['devices list', 'devices list --zone harbour --limit 1000 --json'],
  })
    .option('--zone <zone>', 'those in this zone')
    .option('--tag <tag>', 'those with this tag')
    .option('--disabled', 'those that are disabled')
    .option('--limit <number>', 'how many at most', '100')
    .option('--after <device>', 'those behind this one: the last of the list before')
    .action(async (options: Parameters<typeof listDevices>[0]) =>
      (await import('./list-devices.ts')).listDevices(options),
    );
  addCommand(devices, {
    usage: 'show <device>',
    description: 'all that is known of a device: place, keys, metrics and their last readings, clock',
    examples: ['devices show dev-101'],
  }).action(async (device: string, options: OutputOptions) =>
    (await import('./show-device.ts')).showDevice(device, options),
  );
  addCommand(devices, {
    usage: 'disable <device>',
    description: 'refuse all that it sends',
    examples: ['devices disable dev-101'],
  }).action(async (device: string, options: OutputOptions) =>
    (await import('./switch-device.ts')).disableDevice(device, options),
  );
  addCommand(devices, {
    usage: 'enable <device>',
    description: 'accept again what it sends',
    examples: ['devices enable dev-101'],
  }).action(async (device: string, options: OutputOptions) =>
    (await import('./switch-device.ts')).enableDevice(device, options),
  );
  addCommand(devices, {
    usage: 'describe <device>',
    description: 'change what rules and alerts make of a device',
    examples: ['devices describe dev-101 --status Test --tag roof north', 'devices describe dev-101 --no-tags'],
  })
    .option('--status <status>', 'what alerts about it are at most: Actual, Exercise or Test')
    .option('--tag <tag...>', 'names by which rules find it, in place of those that it has')
    .option('--no-tags', 'take all of them away')
    .action(async (device: string, options: Parameters<typeof describeDevice>[1]) =>
      (await import('./describe-device.ts')).describeDevice(device, options),
    );
  addCommand(devices, {
    usage: 'clocks',
    description: 'the devices whose clocks are furthest off, in milliseconds behind ours',
    examples: ['devices clocks --count 5'],
  })
    .option('--count <number>', 'how many', '20')
    .action(async (options: Parameters<typeof printClocks>[0]) =>
      (await import('./print-clocks.ts')).printClocks(options),
    );
}
