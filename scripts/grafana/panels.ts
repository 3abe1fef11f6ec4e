import {
  FieldColorModeId,
  MappingType,
  ThresholdsMode,
  type FieldConfig,
  type Panel,
  type ThresholdsConfig,
} from '@grafana/schema';

export const PROMETHEUS = { type: 'prometheus', uid: 'telltale-prometheus' } as const;
export const POSTGIS = { type: 'grafana-postgresql-datasource', uid: 'telltale-postgis' } as const;

/** Of Grafana, https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
export type Unit =
  'none' | 'short' | 's' | 'ms' | 'bytes' | 'percentunit' | 'reqps' | 'cps' | 'ops' | 'dateTimeFromNow' | 'bool_yes_no';

interface PanelText {
  readonly title: string;
  /** What it means, and what is normal. */
  readonly description: string;
  /** Of the 24 columns; all panels of a row share them alike when it is not given. */
  readonly width?: number;
}

/** One line, or one for each set of labels. */
export interface Query {
  readonly expr: string;
  /** With `{{label}}`s. */
  readonly legend: string;
}

interface MetricPanel extends PanelText {
  readonly unit: Unit;
  readonly queries: readonly Query[];
}

interface SqlPanel extends PanelText {
  /** With Grafana's macros, such as `$__timeFilter(column)`. */
  readonly sql: string;
  readonly unit?: Unit;
}

/** A step at which the colour changes. */
export type Steps = readonly (readonly [from: number | null, color: string])[];

/** The median and the 99th percentile of a histogram, or other quantiles; one line for each value of the label. */
export function quantiles(metric: string, by?: string, among: readonly number[] = [0.5, 0.99]): readonly Query[] {
  const labels = by === undefined ? 'le' : `le, ${by}`;
  return among.map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${labels}) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: `p${quantile * 100}${by === undefined ? '' : ` {{${by}}}`}`,
  }));
}

const GOOD: Steps = [[null, 'green']];

function promTargets(queries: readonly Query[], isInstant: boolean): NonNullable<Panel['targets']> {
  return queries.map(({ expr, legend }, index) => ({
    datasource: PROMETHEUS,
    refId: String.fromCodePoint(65 + index),
    expr,
    legendFormat: legend,
    editorMode: 'code',
    range: !isInstant,
    instant: isInstant,
  }));
}

function sqlTargets(sql: string, format: 'table' | 'time_series'): NonNullable<Panel['targets']> {
  return [{ datasource: POSTGIS, refId: 'A', rawSql: sql, rawQuery: true, editorMode: 'code', format }];
}

function byThreshold(unit: Unit, steps: Steps): FieldConfig {
  const thresholds: ThresholdsConfig = {
    mode: ThresholdsMode.Absolute,
    steps: steps.map(([value, color]) => ({ value, color })),
  };
  return { unit, thresholds, color: { mode: FieldColorModeId.Thresholds } };
}

/** Lines over time. */
export function timeSeries({
  unit,
  queries,
  isStacked = false,
  ...text
}: MetricPanel & { readonly isStacked?: boolean }): Panel {
  return {
    ...text,
    type: 'timeseries',
    datasource: PROMETHEUS,
    targets: promTargets(queries, false),
    fieldConfig: { defaults: { unit, min: 0, custom: lineStyle(isStacked) }, overrides: [] },
    options: {
      legend: { showLegend: true, displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** The same, from the database: the columns `time`, `metric` and `value`. */
export function sqlTimeSeries({ sql, unit = 'short', ...text }: SqlPanel): Panel {
  return {
    ...text,
    type: 'timeseries',
    datasource: POSTGIS,
    targets: sqlTargets(sql, 'time_series'),
    fieldConfig: { defaults: { unit, min: 0, custom: lineStyle(true) }, overrides: [] },
    options: {
      legend: { showLegend: true, displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

function lineStyle(isStacked: boolean): Record<string, unknown> {
  return {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: isStacked ? 30 : 0,
    showPoints: 'never',
    stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
  };
}

/** One number, as it is now. */
export function stat({ unit, queries, steps = GOOD, ...text }: MetricPanel & { readonly steps?: Steps }): Panel {
  return {
    ...text,
    type: 'stat',
    datasource: PROMETHEUS,
    targets: promTargets(queries, true),
    fieldConfig: { defaults: byThreshold(unit, steps), overrides: [] },
    options: statOptions(),
  };
}

export function sqlStat({ sql, unit = 'short', steps = GOOD, ...text }: SqlPanel & { readonly steps?: Steps }): Panel {
  return {
    ...text,
    type: 'stat',
    datasource: POSTGIS,
    targets: sqlTargets(sql, 'table'),
    fieldConfig: { defaults: byThreshold(unit, steps), overrides: [] },
    options: statOptions(),
  };
}

function statOptions(): Record<string, unknown> {
  return {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'background',
    graphMode: 'none',
    textMode: 'auto',
    justifyMode: 'auto',
    orientation: 'auto',
  };
}

export function table({ sql, ...text }: SqlPanel): Panel {
  return {
    ...text,
    type: 'table',
    datasource: POSTGIS,
    targets: sqlTargets(sql, 'table'),
    fieldConfig: { defaults: { custom: { align: 'auto' } }, overrides: [] },
    options: { showHeader: true, cellHeight: 'sm' },
  };
}

/** Points on a map: the columns `lat` and `lon`, and `state`, by which they are coloured. */
export function map({ sql, colors, ...text }: SqlPanel & { readonly colors: Readonly<Record<string, string>> }): Panel {
  const options = Object.fromEntries(Object.entries(colors).map(([state, color], index) => [state, { color, index }]));
  return {
    ...text,
    type: 'geomap',
    datasource: POSTGIS,
    targets: sqlTargets(sql, 'table'),
    fieldConfig: {
      defaults: {
        mappings: [{ type: MappingType.ValueToText, options }],
        color: { mode: FieldColorModeId.Fixed, fixedColor: 'gray' },
      },
      overrides: [],
    },
    options: {
      view: { id: 'fit', allLayers: true, padding: 10, lat: 0, lon: 0, zoom: 2 },
      controls: { showZoom: true, mouseWheelZoom: false, showAttribution: true },
      basemap: { type: 'default', name: 'Basemap' },
      layers: [
        {
          type: 'markers',
          name: 'Points',
          location: { mode: 'coords', latitude: 'lat', longitude: 'lon' },
          config: {
            showLegend: true,
            style: {
              size: { fixed: 6, min: 2, max: 15 },
              symbol: { mode: 'fixed', fixed: 'img/icons/marker/circle.svg' },
              color: { field: 'state', fixed: 'gray' },
              opacity: 0.8,
            },
          },
          tooltip: true,
        },
      ],
      tooltip: { mode: 'details' },
    },
  };
}
