import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import { addTokenOptions, type TokenOptions } from './token-options.ts';

export function addTokenCommands(program: Command): void {
  addTokenOptions(
    addCommand(program, {
      usage: 'token',
      description: 'mint a token for subscribers of alerts, and make the keys for it the first time',
      examples: ['token --ttl 1h --account app'],
    }),
  ).action(async (options: TokenOptions) => (await import('./mint-token.ts')).mintToken(options));
}
