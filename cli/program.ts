import { Command } from 'commander';
import { addAlertCommands } from './alerts/commands.ts';
import { addApiKeyCommands } from './api-keys/commands.ts';
import { addBacktestCommands } from './backtest/commands.ts';
import { addBlockCommands } from './blocks/commands.ts';
import { addBrokerLoginCommands } from './broker-logins/commands.ts';
import { addCompletionCommands } from './completion/commands.ts';
import { addDeadLetterCommands } from './dead-letters/commands.ts';
import { addDeviceCommands } from './devices/commands.ts';
import { addDoctorCommands } from './doctor/commands.ts';
import { addEnrolmentCommands } from './enrolment/commands.ts';
import { addFleetCommands } from './fleet/commands.ts';
import { addKeyCommands } from './keys/commands.ts';
import { addMigrationCommands } from './migrations/commands.ts';
import { addRetentionCommands } from './retention/commands.ts';
import { addRuleCommands } from './rules/commands.ts';
import { addSendCommands } from './send/commands.ts';
import { addTokenCommands } from './tokens/commands.ts';
import { addZoneCommands } from './zones/commands.ts';

const AFTER_HELP = `
Of the platform that runs in this folder, or of the one at DATABASE_URL and REDIS_URL; beside those
"send" needs TELLTALE_INGEST_URL or --url, and "alerts tail" TELLTALE_ALERTS_URL or --url.
Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong.
`;

/** All commands. What a command does is loaded when it is run: help and completion need none of it. */
export function createProgram(): Command {
  const program = new Command('telltale')
    .description('Manages a Telltale platform: devices, keys, zones, rules, alerts, and what goes wrong.')
    .addHelpText('after', AFTER_HELP)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`telltale: ${text.replace(/^error: /, '')}`) });
  addDeviceCommands(program);
  addKeyCommands(program);
  addApiKeyCommands(program);
  addEnrolmentCommands(program);
  addFleetCommands(program);
  addZoneCommands(program);
  addRuleCommands(program);
  addAlertCommands(program);
  addSendCommands(program);
  addBacktestCommands(program);
  addBlockCommands(program);
  addDeadLetterCommands(program);
  addRetentionCommands(program);
  addTokenCommands(program);
  addBrokerLoginCommands(program);
  addMigrationCommands(program);
  addDoctorCommands(program);
  addCompletionCommands(program);
  return program;
}
