import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { rotateApiKey } from './change-api-keys.ts';

export function addApiKeyCommands(program: Command): void {
  const apiKeys = addGroup(program, 'api-keys', 'what devices show before their signature is looked at');
  addCommand(apiKeys, {
    usage: 'rotate <device>',
    description: 'make a new API key for a device and print it, which is done only here',
    examples: ['api-keys rotate dev-101 --overlap 1d'],
  })
    .option('--overlap <duration>', 'how long the old API keys stay good', '1h')
    .action(async (device: string, options: Parameters<typeof rotateApiKey>[1]) =>
      (await import('./change-api-keys.ts')).rotateApiKey(device, options),
    );
  addCommand(apiKeys, {
    usage: 'revoke <id>',
    description: 'refuse an API key for good; its id is the part between the underscores',
    examples: ['api-keys revoke 4fzK0dXy'],
  }).action(async (id: string, options: OutputOptions) =>
    (await import('./change-api-keys.ts')).revokeApiKey(id, options),
  );
}
