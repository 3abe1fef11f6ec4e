import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { writeBrokerLogins } from './write-broker-logins.ts';

export function addBrokerLoginCommands(program: Command): void {
  addCommand(program, {
    usage: 'broker-logins <folder>',
    description: 'write the logins and the topic ACL of the MQTT broker into the folder where Mosquitto reads them',
    examples: ['broker-logins /etc/mosquitto/telltale --ingest-password-file /etc/telltale/mqtt-password'],
  })
    .requiredOption('--ingest-password-file <file>', 'file with the password that ingest logs in with, as _ingest')
    .option('--pid-file <file>', 'file with the process id of Mosquitto, which is told to read its files again')
    .action(async (folder: string, options: Parameters<typeof writeBrokerLogins>[1]) =>
      (await import('./write-broker-logins.ts')).writeBrokerLogins(folder, options),
    );
}
