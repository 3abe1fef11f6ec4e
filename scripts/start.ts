import { once } from 'node:events';
import { relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { judgeRun, type RunSummary } from './audit/run-summary.ts';
import { PlatformRun, type StartedRun } from './dev-stack/platform-run.ts';
import { parseStackSettings, type StackSettings } from './dev-stack/settings.ts';
import { Stack } from './dev-stack/stack.ts';
import { parseStartOptions, type StartOptions } from './dev-stack/start-options.ts';
import { StatusLine } from './dev-stack/status-line.ts';
import { runMain } from './process/failure.ts';
import { createStopRequest } from './process/stop-request.ts';

/** The demo's first quake comes 15 s after ready; its waves need a few seconds more. */
const ALERT_EXPECTED_AFTER_MS = 30_000;

function describe(settings: StackSettings, run: StartedRun, mqttUrl: string | undefined): string {
  const admin = [
    settings.TELLTALE_INGEST_ADMIN_PORT,
    settings.TELLTALE_WORKER_ADMIN_PORT,
    settings.TELLTALE_BROADCASTER_ADMIN_PORT,
  ];
  return [
    '',
    'Telltale is ready.',
    `  telemetry  POST ${run.ingestUrl}/v1/telemetry`,
    mqttUrl === undefined ? '  no MQTT: install Mosquitto, or set MQTT_URL' : `  MQTT       ${mqttUrl}`,
    `  alerts     ${run.alertsUrl}`,
    `  metrics    ${admin.map((port) => `http://127.0.0.1:${port}/metrics`).join('  ')}`,
    `  logs       ${relative(process.cwd(), settings.TELLTALE_DEV_DIR)}/logs`,
    run.fleet === undefined
      ? '  no fleet; start one in another terminal: npm run sim -- --devices 50 --scenario quake'
      : '  a simulated fleet is sending; its first quake comes in 15 s, then one every minute',
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

interface Outcome {
  readonly exitCode: number;
  readonly summary?: RunSummary;
}

async function countRun(
  platform: PlatformRun,
  run: StartedRun,
  options: StartOptions,
  ranMs: number,
): Promise<Outcome> {
  const summary = await platform.finish(run);
  const isPlanned = options.exitAfter !== undefined && run.fleet !== undefined;
  const problems = judgeRun(summary, { readings: isPlanned, alerts: isPlanned && ranMs >= ALERT_EXPECTED_AFTER_MS });
  for (const problem of problems) console.error(`Problem: ${problem}.`);
  return { summary, exitCode: problems.length === 0 ? 0 : 1 };
}

async function runPlatform(options: StartOptions, stack: Stack, stop: AbortSignal): Promise<Outcome> {
  const say = options.json ? console.error : console.log;
  const isCounted = options.json || options.exitAfter !== undefined;
  const platform = new PlatformRun(stack, { withFleet: options.sim, counted: isCounted });
  const stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort');
  const failed = stack.failed.then((failure) => Promise.reject(failure));

  const run = await Promise.race([platform.start(), failed, stopped.then(() => undefined)]);
  if (run === undefined) return { exitCode: 130 };
  say(describe(stack.settings, run, stack.mqttUrl));
  const status = new StatusLine(stack.settings, run.alerts, options.json ? process.stderr : process.stdout);
  stack.onClose(status);
  status.start();

  const enough = options.exitAfter === undefined ? [] : [delay(options.exitAfter * 1000, undefined, { ref: false })];
  await Promise.race([stopped, failed, ...enough]);
  const ranMs = performance.now() - run.readyAtMs;
  await status[Symbol.asyncDispose]();
  say('Stopping...');
  return isCounted ? countRun(platform, run, options, ranMs) : { exitCode: 0 };
}

await runMain(async () => {
  const options = parseStartOptions(process.argv);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  const stack = new Stack(settings, options.json ? console.error : console.log);
  try {
    const { exitCode, summary } = await runPlatform(options, stack, stop);
    const unclean = await stack.close();
    for (const problem of unclean) console.error(`Problem: ${problem}.`);
    if (summary !== undefined) process.stdout.write(`${JSON.stringify(summary)}\n`);
    return unclean.length === 0 ? exitCode : 1;
  } finally {
    await stack.close();
  }
});
