import { Command } from 'commander';
import { mintToken } from '../cli/tokens/mint-token.ts';
import { addTokenOptions, type TokenOptions } from '../cli/tokens/token-options.ts';
import { runMain } from './process/failure.ts';

/** `npm run token`: the same as `telltale token`. */
await runMain(async () => {
  const command = new Command('npm run token --')
    .description('Mints a token for subscribers of alerts, and makes the keys for it the first time.')
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample: npm run token -- --ttl 1h --account app');
  await mintToken(addTokenOptions(command).parse().opts<TokenOptions>());
  return 0;
});
