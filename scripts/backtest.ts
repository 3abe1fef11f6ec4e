import { Command } from 'commander';
import { backtest } from '../cli/backtest/backtest.ts';
import { addBacktestOptions, type BacktestOptions } from '../cli/backtest/backtest-options.ts';
import { runMain } from './process/failure.ts';

/** `npm run backtest`: the same as `telltale backtest`. */
await runMain(async () => {
  const command = new Command('npm run backtest --')
    .description('Runs rules over stored readings: what would have fired, when, and why. Nobody is alerted.')
    .option('--json', 'the result as one line of JSON', false)
    .addHelpText('after', '\nReads the platform that runs here, or the database at DATABASE_URL.');
  await backtest(addBacktestOptions(command).parse().opts<BacktestOptions>());
  return Number(process.exitCode ?? 0);
});
