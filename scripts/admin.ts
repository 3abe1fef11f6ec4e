import { Command } from 'commander';
import { addDevice } from './admin/add-device.ts';
import { applyRules } from './admin/apply-rules.ts';
import { registerFleet } from './admin/register-fleet.ts';

const program = new Command('admin').description(
  'Writes the registry of the platform that runs here, or of the one at DATABASE_URL and REDIS_URL.',
);

program
  .command('fleet')
  .argument('<manifest>', 'JSON file with the devices, as "firmware-sim manifest" writes it')
  .description('register a fleet of devices')
  .action(registerFleet);

program
  .command('device')
  .argument('<id>', 'device id')
  .requiredOption('--public-key <file>', 'PEM file with the P-256 public key')
  .option('--key-id <id>', 'key id', '1')
  .option('--lat <degrees>', 'latitude')
  .option('--lon <degrees>', 'longitude')
  .option('--mobile', 'the device moves', false)
  .description('register one device and print its new API key, which is shown only here')
  .action(addDevice);

program
  .command('rules')
  .argument('<file>', 'JSON file with a list of rules')
  .description('apply rules: each becomes the next version of its id')
  .action(applyRules);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`admin: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
