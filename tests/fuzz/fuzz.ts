import { randomInt } from 'node:crypto';
import { runMain } from '../../scripts/process/failure.ts';
import { createStopRequest } from '../../scripts/process/stop-request.ts';
import { parseFuzzOptions } from './fuzz-options.ts';
import { fuzzParsers } from './fuzz-parsers.ts';
import { formatFinding, MAX_RSS_MB, reportFuzz } from './fuzz-report.ts';
import { FUZZ_TARGETS } from './targets.ts';

const INTERRUPTED = 130;

/** Feeds every parser with what nobody should send. Only the result goes to standard output. */
await runMain(async () => {
  const names = FUZZ_TARGETS.map(({ name }) => name);
  const { cases, seed = randomInt(2 ** 31), only, json } = parseFuzzOptions(process.argv, names);
  const targets = FUZZ_TARGETS.filter(({ name }) => only === undefined || name === only);
  const stop = createStopRequest();
  const startedMs = performance.now();
  const onDone = (name: string, count: number, findings: number) => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.error(`${findings === 0 ? 'ok    ' : 'FAILED'} ${name} (${count} cases, ${seconds} s)`);
  };
  const result = await fuzzParsers(targets, { cases, seed, stop, onDone });
  for (const finding of result.findings) console.error(formatFinding(finding));
  const report = reportFuzz(result, seed, Math.ceil(process.resourceUsage().maxRSS / 1024));
  if (report.peak_rss_mb > MAX_RSS_MB)
    console.error(`Problem: it took ${report.peak_rss_mb} MB, more than ${MAX_RSS_MB}.`);
  const summary = `${report.cases} cases of ${targets.length} parsers, ${report.failures} failures, seed ${seed}, at most ${report.peak_rss_mb} MB`;
  console.log(json ? JSON.stringify(report) : summary);
  if (stop.aborted) return INTERRUPTED;
  return report.failures === 0 ? 0 : 1;
});
