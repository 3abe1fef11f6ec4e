import { Command } from 'commander';
import { acknowledgeAlert, cancelAlert, printAlerts } from '../cli/alerts/operate-alerts.ts';
import { revokeApiKey, rotateApiKey } from '../cli/api-keys/change-api-keys.ts';
import { blockNetwork, printBlocked, unblockNetwork } from '../cli/blocks/block-network.ts';
import { writeBrokerLogins } from '../cli/broker-logins/write-broker-logins.ts';
import { addDevice } from '../cli/devices/add-device.ts';
import { describeDevice } from '../cli/devices/describe-device.ts';
import { printClocks } from '../cli/devices/print-clocks.ts';
import { disableDevice, enableDevice } from '../cli/devices/switch-device.ts';
import { printEnrolmentToken } from '../cli/enrolment/create-enrolment-token.ts';
import { registerFleet } from '../cli/fleet/register-fleet.ts';
import { revokeKey } from '../cli/keys/change-keys.ts';
import { printableLines } from '../cli/output/printable.ts';
import { applyRules } from '../cli/rules/apply-rules.ts';
import { muteRule, unmuteRule } from '../cli/rules/mute-rule.ts';

/** `npm run admin`: the names that the commands of `telltale` had before there was one. */
const program = new Command('admin').description(
  'Writes the registry of the platform that runs here, or of the one at DATABASE_URL and REDIS_URL.',
);

program
  .command('fleet')
  .argument('<manifest>', 'JSON file with the devices, as "firmware-sim manifest" writes it')
  .description('register a fleet of devices')
  .action(registerFleet);

const device = program
  .command('device')
  .argument('<id>', 'device id')
  .option('--public-key <file>', 'PEM file with the P-256 public key; required')
  .option('--key-id <id>', 'key id', '1')
  .option('--lat <degrees>', 'latitude')
  .option('--lon <degrees>', 'longitude')
  .option('--mobile', 'the device moves', false)
  .option('--status <status>', 'what alerts about it are at most: Actual, Exercise or Test')
  .option('--tag <tag...>', 'names by which rules find it')
  .description('register one device and print its new API key, which is shown only here')
  .action(addDevice);

device.command('disable').argument('<device>').description('refuse all that it sends').action(disableDevice);
device.command('enable').argument('<device>').description('accept again what it sends').action(enableDevice);

program
  .command('describe')
  .argument('<device>')
  .option('--status <status>', 'what alerts about it are at most: Actual, Exercise or Test')
  .option('--tag <tag...>', 'names by which rules find it, in place of those that it has')
  .option('--no-tags', 'take all of them away')
  .description('change what rules and alerts make of a device')
  .action(describeDevice);

program
  .command('devices')
  .description('what is known of all devices')
  .command('clocks')
  .option('--count <number>', 'how many', '20')
  .description('print the devices whose clocks are furthest off, in milliseconds behind ours')
  .action(printClocks);

program
  .command('enrolment-token')
  .description('tokens that let devices in')
  .command('create')
  .option('--device <id>', 'the only device that it lets in')
  .option('--class <class>', 'fixed or mobile', 'fixed')
  .option('--site <site>', 'where the device stands')
  .option('--owner <owner>', 'whose device it is')
  .option('--lat <degrees>', 'latitude')
  .option('--lon <degrees>', 'longitude')
  .option('--ttl <duration>', 'how long it can be used, such as 30m, 1h or 7d', '1h')
  .description('make a token that lets one device enrol, and print it, which is done only here')
  .action(printEnrolmentToken);

const apiKey = program.command('api-key').description('API keys of devices');
apiKey
  .command('rotate')
  .argument('<device>')
  .option('--overlap <duration>', 'how long the old API key stays good', '1h')
  .description('make a new API key for a device and print it, which is done only here')
  .action(rotateApiKey);
apiKey
  .command('revoke')
  .argument('<id>', 'the part between the underscores')
  .description('refuse an API key for good')
  .action(revokeApiKey);

program
  .command('key')
  .description('keys of devices')
  .command('revoke')
  .argument('<device>')
  .argument('<key id>')
  .description('refuse a key of a device for good')
  .action(revokeKey);

program
  .command('block')
  .argument('<network>', 'address or network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/64')
  .option('--for <duration>', 'how long, such as 30m, 1h or 7d (default: until it is unblocked)')
  .option('--reason <text>', 'why, for whoever reads it later')
  .option('--force', 'block a network that is wider than /8, or than /16 of IPv6', false)
  .description('refuse all that comes from a network')
  .action(blockNetwork);
program
  .command('unblock')
  .argument('<network>', 'as it was blocked, or one in which ingest has blocked addresses or devices')
  .description('end the block of a network, and all that ingest has blocked for failures in it')
  .action(unblockNetwork);
program
  .command('blocked')
  .option('--json', 'as JSON', false)
  .description('show what is blocked: by operators, and by ingest for failures')
  .action(printBlocked);

program
  .command('rules')
  .argument('<file>', 'JSON file with a list of rules')
  .description('apply rules: each becomes the next version of its id')
  .action(applyRules);

program
  .command('mute')
  .argument('<rule>')
  .option('--for <duration>', 'how long, such as 30m, 1h or 7d; required')
  .option('--device <id...>', 'of these devices alone')
  .description('tell nobody of what a rule finds; what goes on after that is told then')
  .action(muteRule);
program.command('unmute').argument('<rule>').description('end all mutes of a rule').action(unmuteRule);

program.command('alerts').option('--json', 'as JSON', false).description('list the active alerts').action(printAlerts);
const alert = program.command('alert').description('what operators do about an active alert');
alert
  .command('acknowledge')
  .argument('<alert id>')
  .requiredOption('--by <name>', 'who looks after it')
  .option('--note <text>', 'what there is to say, for everybody to read')
  .description('tell subscribers that somebody looks after it')
  .action(acknowledgeAlert);
alert
  .command('cancel')
  .argument('<alert id>')
  .requiredOption('--by <name>', 'who takes it back')
  .option('--note <text>', 'why, for everybody to read')
  .description('take it back; it is raised again once what it is about has ended and come back')
  .action(cancelAlert);

program
  .command('broker-logins')
  .argument('<folder>', 'where Mosquitto reads its files "passwords" and "acl"')
  .requiredOption('--ingest-password-file <file>', 'file with the password that ingest logs in with, as _ingest')
  .option('--pid-file <file>', 'file with the process id of Mosquitto, which is told to read its files again')
  .description('write the logins and the topic ACL of the MQTT broker')
  .action(writeBrokerLogins);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`admin: ${printableLines(error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 1;
}
