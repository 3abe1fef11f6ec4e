import { runCommandLine } from './run-command-line.ts';

// Whoever reads only the first lines, as "head" does, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runCommandLine(process.argv.slice(2));
