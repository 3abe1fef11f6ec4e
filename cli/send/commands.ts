import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { sendReading } from './send-reading.ts';

export function addSendCommands(program: Command): void {
  addCommand(program, {
    usage: 'send <device> <metric> <value> [unit]',
    description: 'act as a device: sign one reading, send it over HTTP and print the reply',
    examples: ['send dev-101 temperature 21.5 Cel --key dev-101.pem', 'send dev-101 door true --key dev-101.pem'],
  })
    .requiredOption('--key <file>', 'PEM file with the private key of the device')
    .option('--key-id <id>', 'name of the key', '1')
    .option('--api-key-file <file>', 'file with the API key of the device, which no list of processes shows then')
    .option('--api-key <key>', 'the API key itself (default: the environment variable API_KEY)')
    .option(
      '--url <url>',
      'of ingest (default: TELLTALE_INGEST_URL, else that of the platform that runs here, else http://127.0.0.1:8080)',
    )
    .action(
      async (
        device: string,
        metric: string,
        value: string,
        unit: string | undefined,
        options: Parameters<typeof sendReading>[1],
      ) => (await import('./send-reading.ts')).sendReading({ device, metric, value, unit }, options),
    );
}
