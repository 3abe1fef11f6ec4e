import { InvalidArgumentError, Option, type Command } from 'commander';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';

export interface BacktestOptions {
  /** File with one rule or a list of them. */
  readonly rule: string;
  /** Of the arrival of readings, Unix microseconds. */
  readonly from: number;
  readonly to: number;
  readonly json: boolean;
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

export function parseTime(text: string): number {
  const ms = TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError('It must be a time with its offset, such as 2026-11-22T10:00:00Z.');
  }
  return ms * 1000;
}

export function addBacktestOptions(command: Command): Command {
  return command
    .addOption(new Option('--rule <file>', 'JSON file with one rule or a list of rules').makeOptionMandatory())
    .addOption(
      new Option('--from <time>', 'readings that came then or later').argParser(parseTime).makeOptionMandatory(),
    )
    .addOption(new Option('--to <time>', 'and before this time').argParser(parseTime).makeOptionMandatory());
}

export function checkPeriod({ from, to }: Pick<BacktestOptions, 'from' | 'to'>): void {
  if (from >= to) throw new UsageFailure('--to must be later than --from');
}
