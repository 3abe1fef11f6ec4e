import { createDashboard, sqlVariable } from '../dashboard.ts';
import { map, quantiles, sqlStat, sqlTimeSeries, stat, table, timeSeries } from '../panels.ts';

const SEVERITIES = { Extreme: 'dark-red', Severe: 'red', Moderate: 'orange', Minor: 'yellow', Unknown: 'gray' };

/** What was decided, how fast, and who was told. */
export const alerts = createDashboard({
  uid: 'telltale-alerts',
  title: 'Telltale: alerts',
  description: 'What is active, how fast it was decided, and who was told.',
  from: 'now-6h',
  refresh: '1m',
  variables: [sqlVariable('rule', 'Rule', `SELECT DISTINCT id FROM rules UNION SELECT 'none' ORDER BY 1`)],
  rows: [
    {
      title: 'Now',
      lines: [
        [
          sqlStat({
            title: 'Active',
            description: 'Alerts that people should act on; exercises and tests do not count.',
            sql: `SELECT count(*) AS active FROM alerts WHERE state = 'active' AND status = 'Actual' AND rule_id IN ($rule)`,
            steps: [
              [null, 'green'],
              [1, 'red'],
            ],
          }),
          sqlStat({
            title: 'Nobody looks after',
            description: 'Active alerts that are not acknowledged, exercises included.',
            sql: `SELECT count(*) AS open FROM alerts WHERE state = 'active' AND acknowledged_at IS NULL AND rule_id IN ($rule)`,
            steps: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
          stat({
            title: 'Decided within',
            description: 'From the reading to the transition, 99 of 100.',
            unit: 's',
            queries: [
              {
                expr: 'histogram_quantile(0.99, sum by (le) (rate(alert_decision_seconds_bucket[$__range])))',
                legend: '',
              },
            ],
            steps: [
              [null, 'green'],
              [0.5, 'orange'],
              [1, 'red'],
            ],
          }),
          stat({
            title: 'Told within',
            description: 'From the transition to the fan-out, 99 of 100.',
            unit: 's',
            queries: [
              {
                expr: 'histogram_quantile(0.99, sum by (le) (rate(alert_delivery_seconds_bucket[$__range])))',
                legend: '',
              },
            ],
            steps: [
              [null, 'green'],
              [0.5, 'orange'],
              [1, 'red'],
            ],
          }),
          stat({
            title: 'Subscribers',
            description: 'Connected now, over WebSocket and server-sent events.',
            unit: 'short',
            queries: [{ expr: 'sum(ws_connections) + sum(sse_connections)', legend: '' }],
          }),
          stat({
            title: 'Broadcasters that hear',
            description: 'Of all there are; the others tell their subscribers that they do not.',
            unit: 'percentunit',
            queries: [{ expr: 'avg(alert_stream_up)', legend: '' }],
            steps: [
              [null, 'red'],
              [1, 'green'],
            ],
          }),
        ],
        [
          map({
            title: 'Alerts',
            description: 'Those that were active in this time and have a position, by severity.',
            colors: SEVERITIES,
            sql: `SELECT ST_Y(position::geometry) AS lat, ST_X(position::geometry) AS lon, severity AS state,
       headline, rule_id AS rule, subject, status, alerts.state AS life, raised_at, ended_at
  FROM alerts
 WHERE position IS NOT NULL AND raised_at <= $__timeTo() AND (ended_at >= $__timeFrom() OR ended_at IS NULL) AND rule_id IN ($rule)`,
          }),
        ],
        [
          table({
            title: 'Alerts',
            description: 'The newest first.',
            sql: `SELECT raised_at, severity, headline, subject, rule_id AS rule, status, state, version, acknowledged_by, ended_at, id
  FROM alerts WHERE $__timeFilter(raised_at) AND rule_id IN ($rule) ORDER BY raised_at DESC LIMIT 200`,
          }),
        ],
      ],
    },
    {
      title: 'Decisions',
      lines: [
        [
          sqlTimeSeries({
            title: 'Raised, by severity',
            description: 'Alerts that began.',
            sql: `SELECT date_bin('1 minute', raised_at, 'epoch') AS time, severity AS metric, count(*) AS value
  FROM alerts WHERE $__timeFilter(raised_at) AND rule_id IN ($rule) GROUP BY 1, 2 ORDER BY 1`,
          }),
          timeSeries({
            title: 'Transitions',
            description: 'By kind of rule and kind of transition.',
            unit: 'cps',
            queries: [
              {
                expr: 'sum by (rule_kind, kind) (rate(alert_transitions_total[$__rate_interval]))',
                legend: '{{rule_kind}} {{kind}}',
              },
              {
                expr: 'sum by (rule) (rate(triggers_total[$__rate_interval])) or vector(0)',
                legend: 'triggers {{rule}}',
              },
            ],
          }),
          timeSeries({
            title: 'From the reading to the transition',
            description: 'From when the reading was accepted.',
            unit: 's',
            queries: quantiles('alert_decision_seconds'),
          }),
        ],
        [
          table({
            title: 'Rules',
            description: 'How often each has raised an alert in this time, and how many are active.',
            sql: `SELECT rule_id AS rule, count(*) AS raised, count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled, max(raised_at) AS last_at
  FROM alerts WHERE $__timeFilter(raised_at) AND rule_id IN ($rule) GROUP BY 1 ORDER BY 2 DESC`,
          }),
          table({
            title: 'Latest transitions',
            description: 'With who decided them.',
            sql: `SELECT t.decided_at, t.kind, a.severity, a.subject, a.rule_id AS rule, t.version, t.actor, t.note
  FROM alert_transitions t JOIN alerts a ON a.id = t.alert_id
 WHERE $__timeFilter(t.decided_at) AND a.rule_id IN ($rule) ORDER BY t.decided_at DESC LIMIT 100`,
          }),
        ],
      ],
    },
    {
      title: 'Subscribers',
      lines: [
        [
          timeSeries({
            title: 'Connected',
            description: 'And what they ask for: filter sets that differ, and those who wait to be let in.',
            unit: 'short',
            queries: [
              { expr: 'sum(ws_connections)', legend: 'WebSocket' },
              { expr: 'sum(sse_connections)', legend: 'server-sent events' },
              { expr: 'sum(ws_filter_sets)', legend: 'filter sets' },
              { expr: 'sum(ws_waiting_connections)', legend: 'waiting' },
            ],
          }),
          timeSeries({
            title: 'From the transition to the fan-out',
            description: 'Of each broadcaster; one that did not hear Redis tells late.',
            unit: 's',
            queries: quantiles('alert_delivery_seconds'),
          }),
          timeSeries({
            title: 'Came back, and gaps',
            description: '`complete` is normal; each gap is somebody who may have missed something.',
            unit: 'reqps',
            queries: [
              { expr: 'sum by (outcome) (rate(ws_resume_total[$__rate_interval]))', legend: '{{outcome}}' },
              { expr: 'sum by (reason) (rate(alert_gaps_total[$__rate_interval]))', legend: 'gap {{reason}}' },
            ],
          }),
        ],
        [
          timeSeries({
            title: 'Connections that ended',
            description: 'By close code: 1006 is the network, or one that did not read.',
            unit: 'reqps',
            queries: [
              { expr: 'sum by (code) (rate(ws_closed_total[$__rate_interval]))', legend: '{{code}}' },
              { expr: 'sum(rate(ws_slow_consumer_closed_total[$__rate_interval]))', legend: 'did not read' },
            ],
          }),
          timeSeries({
            title: 'Transitions told late',
            description:
              'That were not heard when they were published and came from the stream, and the times that the stream was torn.',
            unit: 'cps',
            queries: [
              { expr: 'sum(rate(ws_alerts_caught_up_total[$__rate_interval]))', legend: 'late' },
              { expr: 'sum(rate(ws_alerts_published_total[$__rate_interval]))', legend: 'all' },
              { expr: 'sum(increase(ws_stream_resets_total[$__rate_interval]))', legend: 'torn' },
            ],
          }),
        ],
      ],
    },
  ],
});
