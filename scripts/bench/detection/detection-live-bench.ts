import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { z } from 'zod';
import { distanceM } from '../../../core/geo/position.ts';
import { readRecording } from '../../../firmware-sim/replay/recording.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { parseManifest } from '../../../cli/fleet/parse-manifest.ts';
import { readRules } from '../../../cli/rules/rules-file.ts';
import type { AlertMessage } from '../../../contracts/alert-stream.ts';
import { AlertListener } from '../../dev-stack/alert-listener.ts';
import { compiledProgram } from '../../dev-stack/compiled.ts';
import { plainEnvironment } from '../../dev-stack/environment.ts';
import { choosePostgres } from '../../postgres/find-postgres.ts';
import { openPrivateCluster } from '../../postgres/private-cluster.ts';
import { CommandFailure } from '../../process/failure.ts';
import { findFreePort } from '../../process/free-port.ts';
import { runProcess, startProcess } from '../../process/running-process.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { startPrivateIngest } from '../load/private-ingest.ts';
import { untilProjected } from '../load/until-projected.ts';
import { createBenchDatabase } from '../private-database.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { startPrivateService } from '../private-service.ts';
import { readNetworkFolder, type RecordedQuake } from './network-folder.ts';
import { ABOUT_IT, BAR_S, replayRecording, thirdTriggerUs } from './replay-recording.ts';

const RULES = 'deploy/rules/earthquake-sparse.json';
/** After the origin: the wave has passed the network. */
const AFTER_ORIGIN_S = 40;

interface Told {
  readonly frame: AlertMessage;
  readonly atUs: number;
}

const summarySchema = z.object({
  packs_sent: z.int(),
  packs_accepted: z.int(),
  replay: z.object({ origin_us: z.int(), start_us: z.int() }),
});
type Summary = z.infer<typeof summarySchema>;

async function runDetectionLive({ data, guard, folder, say, stop }: BenchContext): Promise<BenchReport> {
  if (data === undefined) throw new CommandFailure('Name the folder of the recordings: --data <folder>');
  const network = readNetworkFolder(data);
  const rules = readRules(RULES);
  const { quake, leadS } = await soonest(network.quakes);
  const thirdUs = thirdTriggerUs(await replayRecording(quake, network, rules), quake);
  if (thirdUs === undefined) throw new CommandFailure(`${quake.recording}: fewer than three devices felt it`);

  const own = join(folder, 'detection-live');
  await mkdir(own);
  const env = plainEnvironment(process.env);
  const [fleet, manifest] = [join(own, 'fleet'), join(own, 'manifest.json')];
  const simulator = { command: process.execPath, env, name: 'firmware-sim' };
  await runProcess(
    {
      ...simulator,
      args: [
        compiledProgram('firmware-sim/main.js'),
        'manifest',
        '--replay',
        quake.path,
        '--fleet',
        fleet,
        '--out',
        manifest,
      ],
      logPath: join(own, 'manifest.log'),
    },
    guard,
  );
  await using redis = await openPrivateRedis(join(own, 'redis'), 'always', guard);
  await using cluster = await openPrivateCluster(choosePostgres(), guard);
  const stores = { redisUrl: redis.url, databaseUrl: await createBenchDatabase(cluster, 'live') };
  const database = openPostgres(
    { url: stores.databaseUrl, name: 'bench', maxConnections: 1 },
    createLogger('bench', 'silent'),
  );
  const store = new RegistryStore(database);
  await store.registerDevices(parseManifest(await readFile(manifest, 'utf8')));
  const version = await store.applyRules(rules);
  await database.end();
  const port = await findFreePort();
  await using worker = await startPrivateService({ name: 'worker', stores, folder: own, guard });
  await using broadcaster = await startPrivateService({ name: 'broadcaster', stores, folder: own, guard, port });
  await Promise.all([worker.untilReady(), broadcaster.untilReady(), untilProjected(redis.client, version, stop)]);
  await using ingest = await startPrivateIngest(redis.url, own, guard);
  const told: Told[] = [];
  await using client = new AlertListener(`ws://127.0.0.1:${port}/ws/alerts`, (frame) => {
    told.push({ frame, atUs: Date.now() * 1000 });
  });
  await client.open();

  const durationS = Math.ceil(leadS + AFTER_ORIGIN_S);
  say(`replaying ${durationS} s of ${quake.recording}, M ${quake.magnitude}, as fast as it was`);
  const running = await startProcess(
    {
      ...simulator,
      args: [
        compiledProgram('firmware-sim/main.js'),
        ...['run', '--json', '--url', `http://127.0.0.1:${ingest.port}`, '--fleet', fleet],
        ...['--replay', quake.path, '--speed', '1', '--duration', String(durationS)],
      ],
      logPath: join(own, 'firmware-sim.log'),
    },
    guard,
  );
  await Promise.race([running.exited, ...(stop.aborted ? [] : [once(stop, 'abort')])]);
  stop.throwIfAborted();
  return report(quake, thirdUs, told, summarySchema.parse(JSON.parse(running.result)));
}

/** The one that shakes soonest after its begin. */
async function soonest(
  quakes: readonly RecordedQuake[],
): Promise<{ readonly quake: RecordedQuake; readonly leadS: number }> {
  let found: { readonly quake: RecordedQuake; readonly leadS: number } | undefined;
  for (const quake of quakes) {
    for await (const { cloud_t: firstS } of readRecording(quake.path)) {
      const leadS = quake.originUs / 1e6 - firstS;
      if (found === undefined || leadS < found.leadS) found = { quake, leadS };
      break;
    }
  }
  if (found === undefined) throw new CommandFailure('the folder has no recording');
  return found;
}

function report(quake: RecordedQuake, thirdUs: number, told: readonly Told[], summary: Summary): BenchReport {
  const { origin_us: beginUs, start_us: startUs } = summary.replay;
  const recordedUs = (us: number): number => beginUs + (us - startUs);
  const raised = told.filter(({ frame }) => frame.kind === 'raised' && frame.rule_kind === 'quorum');
  const isAboutIt = ({ frame, atUs }: Told): boolean =>
    recordedUs(atUs) >= quake.originUs &&
    recordedUs(atUs) <= quake.originUs + ABOUT_IT.withinS * 1e6 &&
    frame.position !== null &&
    distanceM(frame.position, quake) <= ABOUT_IT.withinM;
  const alert = raised.find(isAboutIt);
  const secondsAfter = (us: number): number => Number(((us - quake.originUs) / 1e6).toFixed(2));
  const alertS = alert === undefined ? null : secondsAfter(recordedUs(alert.atUs));
  const thirdS = secondsAfter(thirdUs);
  const afterThirdS = alertS === null ? null : Number((alertS - thirdS).toFixed(2));
  const falseAlerts = raised.length - (alert === undefined ? 0 : 1);
  return {
    fields: {
      recording: quake.recording,
      detected: alert !== undefined,
      false_alerts: falseAlerts,
      third_trigger_s_after_origin: thirdS,
      alert_s_after_origin: alertS,
      alert_s_after_third_trigger: afterThirdS,
      epicentre_error_km_first: alert === undefined ? null : errorKmOf(alert, quake),
      packs_sent: summary.packs_sent,
      packs_accepted: summary.packs_accepted,
    },
    lines: [
      `third device ${thirdS} s after the origin, alert at the subscriber ${alertS ?? '-'} s, ${afterThirdS ?? '-'} s later (bar ${BAR_S})`,
      `${summary.packs_accepted} of ${summary.packs_sent} packs accepted, ${falseAlerts} false alerts`,
    ],
    problems: [
      ...(alert === undefined ? [`${quake.recording} was not detected`] : []),
      ...(falseAlerts === 0 ? [] : [`${falseAlerts} false alerts`]),
      ...(afterThirdS !== null && afterThirdS > BAR_S
        ? [`the alert came ${afterThirdS} s after the third device`]
        : []),
      ...(summary.packs_accepted === summary.packs_sent ? [] : ['a pack was not accepted']),
    ],
  };
}

function errorKmOf({ frame: { position } }: Told, quake: RecordedQuake): number | null {
  return position === null ? null : Number((distanceM(position, quake) / 1000).toFixed(1));
}

export const detectionLiveBench: Bench = {
  name: 'detection-live',
  description: 'one recorded earthquake, as fast as it was, through the whole platform to a subscriber (--data)',
  run: runDetectionLive,
};
