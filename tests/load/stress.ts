import { parseStackSettings } from '../../scripts/dev-stack/settings.ts';
import { runMain } from '../../scripts/process/failure.ts';
import { openGuard } from '../../scripts/process/guard.ts';
import { createStopRequest } from '../../scripts/process/stop-request.ts';
import { openBenchFolder } from '../../scripts/bench/bench-folder.ts';
import { isProven, reportStress } from './ingest/stress-report.ts';
import { stressIngest } from './ingest/stress-ingest.ts';
import { parseStressOptions } from './stress-options.ts';

const INTERRUPTED = 130;

/** Puts a platform under honest and hostile load and accounts for every answer. Only the result goes to standard output. */
await runMain(async () => {
  const options = parseStressOptions(process.argv);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  await using guard = openGuard();
  await using folder = await openBenchFolder(settings.TELLTALE_DEV_DIR);
  try {
    const outcome = await stressIngest(options, { guard, folder: folder.path, stop, say: console.error });
    if (outcome.problem !== undefined) console.error(`Problem: ${outcome.problem}.`);
    const report = reportStress(outcome.summary);
    console.log(options.json ? JSON.stringify(report) : outcome.text);
    if (stop.aborted) return INTERRUPTED;
    return isProven(report) ? 0 : 1;
  } catch (error) {
    if (stop.aborted) return INTERRUPTED;
    throw error;
  }
});
