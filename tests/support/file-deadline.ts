import { requireVariable } from './require-variable.ts';

/**
 * Loaded before each test file: one that hangs ends by itself, with what kept it alive, and takes its servers with it.
 * The runner's own time limit is a signal, which would leave them behind.
 */
const deadlineMs = Number(requireVariable('TELLTALE_TEST_FILE_DEADLINE_MS'));

// The runner loads this too, and takes as long as all files together.
if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  setTimeout(() => {
    const kept = [...new Set(process.getActiveResourcesInfo())].join(', ');
    process.stderr.write(`${process.argv[1]} did not end within ${deadlineMs} ms. Still open: ${kept}\n`);
    process.exit(1);
  }, deadlineMs).unref();
}
