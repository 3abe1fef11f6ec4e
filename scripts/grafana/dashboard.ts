import { VariableRefresh, type Dashboard, type Panel, type RowPanel, type VariableModel } from '@grafana/schema';
import { POSTGIS, PROMETHEUS } from './panels.ts';

const COLUMNS = 24;
const PANEL_HEIGHT = 8;
const STAT_HEIGHT = 4;
const MAP_HEIGHT = 14;
const SCHEMA_VERSION = 41;

/** Panels under a title; each inner list is a line of them. */
export interface Row {
  readonly title: string;
  readonly lines: readonly (readonly PanelOfLine[])[];
}

type PanelOfLine = Panel & { readonly width?: number };

export interface DashboardSource {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables?: readonly VariableModel[];
  readonly from: string;
  /** How often a browser asks again: what is asked of the database costs what readings are stored with. */
  readonly refresh: '10s' | '1m';
  readonly rows: readonly Row[];
}

/** Places the panels one beside and below the other, and numbers them. */
export function createDashboard({
  uid,
  title,
  description,
  variables = [],
  from,
  refresh,
  rows,
}: DashboardSource): Dashboard {
  const panels: (Panel | RowPanel)[] = [];
  let y = 0;
  const nextId = (): number => panels.length + 1;
  for (const row of rows) {
    panels.push({
      type: 'row',
      id: nextId(),
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
      panels: [],
    });
    y += 1;
    for (const line of row.lines) {
      const height = Math.max(...line.map(heightOf));
      let x = 0;
      for (const { width, ...panel } of line) {
        const w = width ?? Math.floor(COLUMNS / line.length);
        panels.push({ ...panel, id: nextId(), gridPos: { x, y, w, h: height } });
        x += w;
      }
      if (x > COLUMNS) throw new Error(`${title}, ${row.title}: a line is ${x} columns wide`);
      y += height;
    }
  }
  return {
    uid,
    title,
    description,
    tags: ['telltale'],
    editable: false,
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    refresh,
    time: { from, to: 'now' },
    timezone: 'browser',
    templating: { list: [...variables] },
    links: [
      {
        type: 'dashboards',
        title: 'Telltale',
        tags: ['telltale'],
        asDropdown: true,
        icon: 'external link',
        includeVars: false,
        keepTime: true,
        targetBlank: false,
        tooltip: '',
        url: '',
      },
    ],
    panels,
  };
}

function heightOf({ type }: Panel): number {
  if (type === 'stat') return STAT_HEIGHT;
  return type === 'geomap' ? MAP_HEIGHT : PANEL_HEIGHT;
}

/** Values of a label, several at once, all unless told. */
export function labelVariable(name: string, label: string, metric: string): VariableModel {
  const query = `label_values(${metric}, ${name})`;
  return { ...severalOf(name, label), datasource: PROMETHEUS, query: { query, refId: 'A' } };
}

/** The first column of an answer of the database, several at once, all unless told. */
export function sqlVariable(name: string, label: string, sql: string): VariableModel {
  return { ...severalOf(name, label), datasource: POSTGIS, query: sql };
}

function severalOf(name: string, label: string): VariableModel {
  return {
    type: 'query',
    name,
    label,
    multi: true,
    includeAll: true,
    current: { text: 'All', value: '$__all' },
    refresh: VariableRefresh.onTimeRangeChanged,
  };
}
