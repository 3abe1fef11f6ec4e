import { writeFileSync } from 'node:fs';
import { createMetricsPage } from './docs/metrics-page.ts';

/** Writes docs/metrics.md anew; a test fails while it is not what the code says. */
writeFileSync('docs/metrics.md', createMetricsPage());
