import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { addKey, rotateKey } from './change-keys.ts';

export function addKeyCommands(program: Command): void {
  const keys = addGroup(program, 'keys', 'the P-256 keys that devices sign with');
  const withNewKey = (command: Command): Command =>
    command
      .requiredOption('--key-id <id>', 'name of the new key')
      .option('--new-key <file>', 'make a key pair: the private key goes into this PEM file (0600)')
      .option('--public-key <file>', 'PEM file with the P-256 public key');
  withNewKey(
    addCommand(keys, {
      usage: 'add <device>',
      description: 'one more key beside the one that it has; two may be active at once',
      examples: ['keys add dev-101 --key-id 2 --public-key public.pem'],
    }),
  ).action(async (device: string, options: Parameters<typeof addKey>[1]) =>
    (await import('./change-keys.ts')).addKey(device, options),
  );
  withNewKey(
    addCommand(keys, {
      usage: 'rotate <device>',
      description: 'a new key in place of those that it has, which stay good for the overlap',
      examples: ['keys rotate dev-101 --key-id 2 --new-key dev-101-2.pem --overlap 1d'],
    }),
  )
    .option('--overlap <duration>', 'how long the other keys stay good', '1h')
    .action(async (device: string, options: Parameters<typeof rotateKey>[1]) =>
      (await import('./change-keys.ts')).rotateKey(device, options),
    );
  addCommand(keys, {
    usage: 'revoke <device> <key-id>',
    description: 'refuse a key of a device for good',
    examples: ['keys revoke dev-101 1'],
  }).action(async (device: string, keyId: string, options: OutputOptions) =>
    (await import('./change-keys.ts')).revokeKey(device, keyId, options),
  );
}
