import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { blockNetwork } from './block-network.ts';

export function addBlockCommands(program: Command): void {
  addCommand(program, {
    usage: 'block <network>',
    description: 'refuse all that comes from an address or a network',
    examples: ['block 192.0.2.7 --for 1h --reason "floods us"', 'block 2001:db8::/64'],
  })
    .option('--for <duration>', 'how long, such as 30m, 1h or 7d (default: until it is unblocked)')
    .option('--reason <text>', 'why, for whoever reads it later')
    .option('--force', 'block a network that is wider than /8, or than /16 of IPv6', false)
    .action(async (network: string, options: Parameters<typeof blockNetwork>[1]) =>
      (await import('./block-network.ts')).blockNetwork(network, options),
    );
  addCommand(program, {
    usage: 'unblock <network>',
    description: 'end the block of a network, and all that ingest has blocked for failures in it',
    examples: ['unblock 192.0.2.7'],
  }).action(async (network: string, options: OutputOptions) =>
    (await import('./block-network.ts')).unblockNetwork(network, options),
  );
  addCommand(program, {
    usage: 'blocked',
    description: 'show what is blocked: by operators, and by ingest for failures',
    examples: ['blocked --json'],
  }).action(async (options: OutputOptions) => (await import('./block-network.ts')).printBlocked(options));
}
