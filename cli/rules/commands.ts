import { Option, type Command } from 'commander';
import { parseTime } from '../backtest/backtest-options.ts';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { muteRule } from './mute-rule.ts';
import type { testRules } from './test-rules.ts';

export function addRuleCommands(program: Command): void {
  const rules = addGroup(program, 'rules', 'what to watch for');
  addCommand(rules, {
    usage: 'apply <file>',
    description: 'apply the rules of a JSON file: each becomes the next version of its id',
    examples: ['rules apply deploy/demo/rules.json'],
  }).action(async (file: string, options: OutputOptions) =>
    (await import('./apply-rules.ts')).applyRules(file, options),
  );
  addCommand(rules, {
    usage: 'list',
    description: 'list the newest version of each rule',
    examples: ['rules list', 'rules list --json'],
  }).action(async (options: OutputOptions) => (await import('./list-rules.ts')).listRules(options));
  addCommand(rules, {
    usage: 'test <file>',
    description: 'what the rules of a file would raise: over what is stored, or over readings in a file',
    examples: [
      'rules test rules.json --from 2026-11-21T00:00:00Z --to 2026-11-22T00:00:00Z',
      'rules test rules.json --readings readings.jsonl',
    ],
  })
    .addOption(new Option('--from <time>', 'readings that came then or later').argParser(parseTime))
    .addOption(new Option('--to <time>', 'and before this time').argParser(parseTime))
    .option('--readings <file>', 'readings as JSON, one a line: device, metric, time, value')
    .action(async (file: string, options: Parameters<typeof testRules>[1]) =>
      (await import('./test-rules.ts')).testRules(file, options),
    );
  addCommand(program, {
    usage: 'mute <rule>',
    description: 'tell nobody of what a rule finds; what goes on after that is told then',
    examples: ['mute strong-motion --for 2h', 'mute strong-motion --for 1d --device dev-1 dev-2'],
  })
    .option('--for <duration>', 'how long, such as 30m, 1h or 7d; required')
    .option('--device <id...>', 'of these devices alone')
    .action(async (rule: string, options: Parameters<typeof muteRule>[1]) =>
      (await import('./mute-rule.ts')).muteRule(rule, options),
    );
  addCommand(program, {
    usage: 'unmute <rule>',
    description: 'end all mutes of a rule',
    examples: ['unmute strong-motion'],
  }).action(async (rule: string, options: OutputOptions) => (await import('./mute-rule.ts')).unmuteRule(rule, options));
}
