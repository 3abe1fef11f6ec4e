import { Command, CommanderError, Option } from 'commander';
import { ATTACK_CHOICES } from './attack/attack-kind.ts';
import { writeManifest } from './commands/manifest.ts';
import { manifestOptionsSchema, parseOptions, runOptionsSchema } from './commands/option-values.ts';
import { runSimulation } from './commands/run.ts';
import { SCENARIOS } from './scenarios/scenario-names.ts';
import { UsageError } from './usage-error.ts';

const USAGE_EXIT_CODE = 2;

/** Answers the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`firmware-sim: ${error.message}\n`);
    return USAGE_EXIT_CODE;
  }
}

function createProgram(onDone: (exitCode: number) => void): Command {
  const program = new Command('firmware-sim')
    .description('Simulated accelerometers that sign and send like real ones.')
    .configureOutput({
      outputError: (text, write) =>
        write(
          `${text.replace('error: ', 'firmware-sim: ').trim().replace(/\.$/, '').replaceAll('\n', ' ')}; see --help\n`,
        ),
    })
    .exitOverride();

  const manifest = program
    .command('manifest')
    .description('make the fleet when it does not exist and write what an operator registers')
    .addOption(devicesOption())
    .addOption(new Option('--replay <file>', 'the devices of a recording').conflicts('devices'))
    .option('--out <file>', 'write to a file instead of the output')
    .action((options: unknown) => writeManifest(parseOptions(manifestOptionsSchema, options)));

  const run = program
    .command('run', { isDefault: true })
    .description('let the fleet measure and send')
    .option('--url <url>', 'address of the ingest (default: http://127.0.0.1:8080)')
    .addOption(devicesOption())
    .option('--rate <n>', 'packs a second of each device (default: 1)')
    .option('--duration <s>', 'seconds; 0: until SIGTERM or Ctrl-C (default: 30, or the whole recording)')
    .option('--samples <n>', 'samples of each axis in a pack (default: 10)')
    .option('--quake-after <s>', 'time of the first quake (default: 15)')
    .option('--quake-every <s>', 'time between quakes; 0: only one (default: 0)')
    .addOption(
      new Option('--replay <file>', 'a recording, .jsonl.gz, with devices.json beside it').conflicts([
        ...['devices', 'rate', 'scenario', 'samples', 'quakeAfter', 'quakeEvery'],
      ]),
    )
    .option('--speed <x>', 'how much faster than recorded (default: 1)')
    .addOption(
      new Option('--pack <n>', 'readings of a pack, in place of whole samples').conflicts(['samples', 'replay']),
    )
    .option('--transport <name>', 'http, mqtt or both (default: http)')
    .option('--mqtt-url <url>', 'address of the broker (default: MQTT_URL, else mqtt://127.0.0.1:1883)')
    .option(
      '--encoding <name>',
      'http-signature, jws or cose; MQTT needs one of the last two (default: http-signature)',
    )
    .option('--ledger <file>', 'write a line for each acknowledged pack; overwrites the file')
    .option('--reply-timeout <s>', 'how long an honest device waits for a reply before it sends again (default: 5)')
    .option('--drain <s>', 'how long to wait for outcomes at the end (default: 30)')
    .option('--json', 'the last line of the output is the summary as JSON')
    .action(async (options: unknown) => onDone(await runSimulation(parseOptions(runOptionsSchema, options))));

  for (const command of [manifest, run]) {
    command
      .option('--fleet <dir>', 'folder where fleets are kept between runs (default: .telltale/fleets)')
      .option('--seed <n>', 'decides places, noise and quakes (default: 1)')
      .option('--scenario <name>', `what happens: ${SCENARIOS.join(', ')} (default: calm)`)
      .option('--attack <kind>', `attackers among the devices: ${ATTACK_CHOICES.join(', ')} (default: none)`);
  }
  return program;
}

function devicesOption(): Option {
  return new Option('--devices <n>', 'how many devices (default: 50)');
}
