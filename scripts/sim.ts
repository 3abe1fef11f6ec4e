import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compiledProgram } from './dev-stack/compiled.ts';
import { plainEnvironment } from './dev-stack/environment.ts';
import { loadRunFile } from '../platform/config/run-file.ts';
import { parseStackSettings } from './dev-stack/settings.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { runAttached } from './process/run-attached.ts';
import { runProcess } from './process/running-process.ts';
import { createStopRequest } from './process/stop-request.ts';

const OUR_OPTIONS = ['url', 'fleet'];
const MANIFEST_OPTIONS = ['devices', 'replay', 'seed', 'scenario', 'attack'] as const;

interface SimArguments {
  readonly url: string | undefined;
  readonly fleetFolder: string | undefined;
  readonly manifestArgs: readonly string[];
  /** Everything but --url and --fleet, as it was given. */
  readonly runArgs: readonly string[];
}

function parseSimArguments(args: string[]): SimArguments {
  const text = { type: 'string' } as const;
  const options = { url: text, fleet: text, devices: text, replay: text, seed: text, scenario: text, attack: text };
  const { values, tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const ours = new Set(
    tokens.flatMap((token) => {
      if (token.kind !== 'option' || !OUR_OPTIONS.includes(token.name)) return [];
      return token.inlineValue === false ? [token.index, token.index + 1] : [token.index];
    }),
  );
  const textOf = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined);
  return {
    url: textOf(values.url),
    fleetFolder: textOf(values.fleet),
    manifestArgs: MANIFEST_OPTIONS.flatMap((name) => {
      const value = textOf(values[name]);
      return value === undefined ? [] : [`--${name}`, value];
    }),
    runArgs: args.filter((_, index) => !ours.has(index)),
  };
}

/** Registers a fleet with the running platform, then runs it. */
await runMain(async () => {
  const simulator = compiledProgram('firmware-sim/main.js');
  const env = plainEnvironment(process.env);
  const stop = createStopRequest();
  if (process.argv.includes('--help')) return runAttached(process.execPath, [simulator, 'run', '--help'], env, stop);

  const args = parseSimArguments(process.argv.slice(2));
  const settings = parseStackSettings(process.env);
  const running = await loadRunFile(settings.TELLTALE_DEV_DIR);
  const url = args.url ?? running?.ingest_url;
  const databaseUrl = settings.DATABASE_URL ?? running?.database_url;
  const redisUrl = settings.REDIS_URL ?? running?.redis_url;
  if (url === undefined || databaseUrl === undefined || redisUrl === undefined) {
    throw new CommandFailure(
      'No platform is running here. Start one in another terminal: npm start -- --no-sim (or give --url, DATABASE_URL and REDIS_URL).',
    );
  }
  const fleetFolder = resolve(args.fleetFolder ?? join(settings.TELLTALE_DEV_DIR, 'fleets'));
  await mkdir(fleetFolder, { recursive: true, mode: 0o700 });
  const manifest = join(fleetFolder, 'manifest.json');

  const simulate = (command: string, ...rest: readonly string[]) =>
    runAttached(process.execPath, ['--enable-source-maps', simulator, command, ...rest], env, stop);
  const exitCode = await simulate('manifest', ...args.manifestArgs, '--fleet', fleetFolder, '--out', manifest);
  if (exitCode !== 0) return exitCode;
  await runProcess({
    name: 'fleet',
    command: process.execPath,
    args: ['--enable-source-maps', compiledProgram('scripts/admin.js'), 'fleet', manifest],
    env: { ...env, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl },
  });
  if (stop.aborted) return 130;
  const mqttUrl = running?.mqtt_url ?? settings.MQTT_URL;
  const broker = mqttUrl === undefined ? [] : ['--mqtt-url', mqttUrl];
  // The last of an option that is given twice counts.
  return simulate('run', '--url', url, '--fleet', fleetFolder, ...broker, ...args.runArgs);
});
