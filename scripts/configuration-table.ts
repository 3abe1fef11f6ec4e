import { readFileSync, writeFileSync } from 'node:fs';
import { withConfigurationTable } from './docs/configuration-table.ts';

const PAGE = 'docs/operations.md';

/** Writes the table of settings anew; a test fails while it is not what the schemas say. */
writeFileSync(PAGE, withConfigurationTable(readFileSync(PAGE, 'utf8')));
