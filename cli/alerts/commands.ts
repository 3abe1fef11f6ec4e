import type { Command } from 'commander';
import { addCommand, addGroup } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';
import type { acknowledgeAlert } from './operate-alerts.ts';
import type { tailAlerts } from './tail-alerts.ts';

export function addAlertCommands(program: Command): void {
  const alerts = addGroup(program, 'alerts', 'what rules have found');
  addCommand(alerts, {
    usage: 'list',
    description: 'list the active alerts',
    examples: ['alerts list', 'alerts list --json'],
  }).action(async (options: OutputOptions) => (await import('./operate-alerts.ts')).printAlerts(options));
  addCommand(alerts, {
    usage: 'tail',
    description:
      'print each alert as it is raised, updated, cleared or cancelled, until Ctrl-C; with --json one object a line',
    examples: ['alerts tail', 'alerts tail --zone harbour --min-severity Severe --json', 'alerts tail --count 1'],
  })
    .option(
      '--url <url>',
      'of the alert stream (default: TELLTALE_ALERTS_URL, else that of the platform that runs here, else ws://127.0.0.1:8081/ws/alerts)',
    )
    .option('--token-file <file>', 'file with a token, where alerts are not public')
    .option('--zone <zone...>', 'of these zones alone')
    .option('--min-severity <severity>', 'Extreme, Severe, Moderate, Minor or Unknown')
    .option('--status <status...>', 'Actual, Exercise, Test (default: all of them)')
    .option('--count <number>', 'end after so many')
    .action(async (options: Parameters<typeof tailAlerts>[0]) =>
      (await import('./tail-alerts.ts')).tailAlerts(options),
    );
  addCommand(alerts, {
    usage: 'ack <alert-id>',
    description: 'tell subscribers that somebody looks after it',
    examples: ['alerts ack 3f1c9a52-7b1e-8d04-9c55-0a61f2c4e7b9 --by ana --note "On my way."'],
  })
    .requiredOption('--by <name>', 'who looks after it')
    .option('--note <text>', 'what there is to say, for everybody to read')
    .action(async (id: string, options: Parameters<typeof acknowledgeAlert>[1]) =>
      (await import('./operate-alerts.ts')).acknowledgeAlert(id, options),
    );
  addCommand(alerts, {
    usage: 'cancel <alert-id>',
    description: 'take it back; it is raised again once what it is about has ended and come back',
    examples: ['alerts cancel 3f1c9a52-7b1e-8d04-9c55-0a61f2c4e7b9 --by ana --note "A door was slammed."'],
  })
    .requiredOption('--by <name>', 'who takes it back')
    .option('--note <text>', 'why, for everybody to read')
    .action(async (id: string, options: Parameters<typeof acknowledgeAlert>[1]) =>
      (await import('./operate-alerts.ts')).cancelAlert(id, options),
    );
}
