import { parseBenchOptions } from './bench/bench-options.ts';
import { openBenchFolder } from './bench/bench-folder.ts';
import { BENCHES, findBench } from './bench/benches.ts';
import { settleDisk } from './bench/settle-disk.ts';
import { parseStackSettings } from './dev-stack/settings.ts';
import { runMain } from './process/failure.ts';
import { openGuard } from './process/guard.ts';
import { createStopRequest } from './process/stop-request.ts';

/** Measures one part of the platform and holds it to its bars. Only the result goes to standard output. */
await runMain(async () => {
  const options = parseBenchOptions(process.argv, BENCHES);
  const bench = findBench(options.bench);
  const settings = parseStackSettings(process.env);
  const stop = createStopRequest();
  await using guard = openGuard();
  await using folder = await openBenchFolder(settings.TELLTALE_DEV_DIR);
  await settleDisk();
  try {
    const context = { guard, folder: folder.path, stop, say: console.error, data: options.data };
    const { fields, lines, problems } = await bench.run(context);
    for (const problem of problems) console.error(`Problem: ${problem}.`);
    console.log(options.json ? JSON.stringify(fields) : lines.join('\n'));
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (stop.aborted) return 130;
    throw error;
  }
});
