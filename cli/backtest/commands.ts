import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import { addBacktestOptions, type BacktestOptions } from './backtest-options.ts';

export function addBacktestCommands(program: Command): void {
  addBacktestOptions(
    addCommand(program, {
      usage: 'backtest',
      description: 'run rules over stored readings: what would have fired, when, and why. Nobody is alerted',
      examples: ['backtest --rule rules.json --from 2026-11-21T00:00:00Z --to 2026-11-22T00:00:00Z'],
    }),
  ).action(async (options: BacktestOptions) => (await import('./backtest.ts')).backtest(options));
}
