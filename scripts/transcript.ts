import { readFileSync, writeFileSync } from 'node:fs';
import { writeFirstAlert } from './docs/first-alert.ts';
import { runMain } from './process/failure.ts';

/** Writes docs/first-alert.md anew; a test fails while it is not what the commands of the README print. */
await runMain(async () => {
  writeFileSync('docs/first-alert.md', await writeFirstAlert(readFileSync('README.md', 'utf8')));
  return 0;
});
