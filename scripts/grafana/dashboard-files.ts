import type { Dashboard } from '@grafana/schema';
import { alerts } from './dashboards/alerts.ts';
import { fleet } from './dashboards/fleet.ts';
import { pipeline } from './dashboards/pipeline.ts';
import { security } from './dashboards/security.ts';

/** By the name of their file in deploy/grafana/dashboards. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = { pipeline, fleet, security, alerts };

export function formatDashboard(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
