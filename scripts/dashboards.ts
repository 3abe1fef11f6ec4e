import { writeFileSync } from 'node:fs';
import { DASHBOARDS, formatDashboard } from './grafana/dashboard-files.ts';

/** Writes deploy/grafana/dashboards anew; a test fails while they are not what the code says. */
for (const [name, dashboard] of Object.entries(DASHBOARDS)) {
  writeFileSync(`deploy/grafana/dashboards/${name}.json`, formatDashboard(dashboard));
}
