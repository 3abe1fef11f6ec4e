import { DetectionRun } from '../core/detection/detection-run.ts';
import { createLogger } from '../platform/log/logger.ts';
import { openPostgres } from '../platform/postgres/open-postgres.ts';
import { readRules } from './admin/rules-file.ts';
import { findStores } from './admin/with-registry.ts';
import { parseBacktestOptions } from './backtest/backtest-options.ts';
import { describeTransition, formatTable, type BacktestTransition } from './backtest/backtest-report.ts';
import { readHistory, readWorld } from './backtest/read-history.ts';
import { CommandFailure, runMain } from './process/failure.ts';
import { createStopRequest } from './process/stop-request.ts';

/** Runs rules over what is stored, by the code that runs them live. */
await runMain(async () => {
  const options = parseBacktestOptions(process.argv);
  const stop = createStopRequest();
  const rules = readRules(options.rule).map((rule) => ({ ...rule, enabled: true }));
  const { databaseUrl } = await findStores().catch((error: unknown) => {
    throw new CommandFailure(error instanceof Error ? error.message : String(error));
  });
  const database = openPostgres(
    { url: databaseUrl, name: 'backtest', maxConnections: 1 },
    createLogger('backtest', 'silent'),
  );
  try {
    const { devices, areas, withoutPosition } = await readWorld(database);
    const byId = new Map(devices.map((device) => [device.device, device]));
    const metrics = [
      ...new Set(rules.flatMap((rule) => ('scope' in rule && 'metrics' in rule.scope ? rule.scope.metrics : []))),
    ];
    const hasFences = rules.some(({ kind }) => kind === 'geofence');
    const run = new DetectionRun(rules, devices, areas);
    const transitions: BacktestTransition[] = [];
    const tell = (found: ReturnType<DetectionRun['receive']>): void => {
      for (const each of found) {
        const described = describeTransition(each, byId);
        if (described !== undefined) transitions.push(described);
      }
    };
    let readings = 0;
    for await (const pack of readHistory(database, options, metrics, hasFences)) {
      if (stop.aborted) return 130;
      readings += pack.readings.length;
      tell(run.receive(pack));
    }
    tell(run.advanceTo(options.toUs));
    const raised = transitions.filter(({ kind }) => kind === 'raised').length;
    if (options.json) {
      console.log(JSON.stringify({ rules: rules.length, devices: devices.length, readings, raised, transitions }));
      return 0;
    }
    if (transitions.length > 0) console.log(formatTable(transitions).join('\n'));
    console.log(`${readings} readings of ${devices.length} devices: ${raised} alerts would have been raised`);
    if (readings === 0) console.error('No reading of the metrics of these rules came in this time.');
    if (withoutPosition > 0 && rules.some(({ kind }) => kind === 'quorum')) {
      console.error(`${withoutPosition} devices have no position, and no vote in a quorum.`);
    }
    return 0;
  } finally {
    await database.end();
  }
});
