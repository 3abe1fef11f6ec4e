import { createDashboard, labelVariable } from '../dashboard.ts';
import { sqlTimeSeries, stat, table, timeSeries } from '../panels.ts';

/** Who is refused, and why. */
export const security = createDashboard({
  uid: 'telltale-security',
  title: 'Telltale: security',
  description: 'What is refused, who is blocked, and what was reported.',
  from: 'now-6h',
  refresh: '1m',
  variables: [labelVariable('code', 'Code', 'ingest_requests_total')],
  rows: [
    {
      title: 'Now',
      lines: [
        [
          stat({
            title: 'Forged or unknown',
            description: 'Messages a second with a wrong signature or an unknown API key.',
            unit: 'reqps',
            queries: [
              {
                expr: 'sum(rate(ingest_requests_total{code=~"signature-invalid|unauthorized"}[$__rate_interval])) or vector(0)',
                legend: '',
              },
            ],
            steps: [
              [null, 'green'],
              [0.1, 'orange'],
              [1, 'red'],
            ],
          }),
          stat({
            title: 'Blocked sources',
            description: 'Addresses, and devices at addresses, that are refused for their failures.',
            unit: 'short',
            queries: [{ expr: 'max(ingest_blocked_sources)', legend: '' }],
            steps: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
          stat({
            title: 'Suspects',
            description: 'Whose failures are counted.',
            unit: 'short',
            queries: [{ expr: 'max(ingest_suspects)', legend: '' }],
          }),
          stat({
            title: 'Blocked networks',
            description: 'By operators.',
            unit: 'short',
            queries: [{ expr: 'max(ingest_blocked_networks)', legend: '' }],
          }),
          stat({
            title: 'Events not reported',
            description: 'Since the processes began, because Redis was away.',
            unit: 'short',
            queries: [{ expr: 'sum(ingest_security_events_dropped_total)', legend: '' }],
            steps: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
        ],
      ],
    },
    {
      title: 'Refused',
      lines: [
        [
          timeSeries({
            title: 'Refused messages by code',
            description: 'The codes are explained in docs/protocol.md.',
            unit: 'reqps',
            isStacked: true,
            queries: [
              {
                expr: 'sum by (code) (rate(ingest_requests_total{code!~"accepted|registered|pending|read", code=~"$code"}[$__rate_interval]))',
                legend: '{{code}}',
              },
            ],
          }),
          timeSeries({
            title: 'Over a quota',
            description: 'By the policy that refused.',
            unit: 'reqps',
            isStacked: true,
            queries: [{ expr: 'sum by (policy) (rate(rate_limited_total[$__rate_interval]))', legend: '{{policy}}' }],
          }),
          timeSeries({
            title: 'Blocks decided',
            description: 'Of an address, or of a device at an address.',
            unit: 'short',
            queries: [
              { expr: 'sum by (scope) (increase(ingest_blocks_total[$__rate_interval]))', legend: '{{scope}}' },
            ],
          }),
        ],
        [
          timeSeries({
            title: 'Subscribers refused',
            description: 'Connections by reason, and tokens by outcome.',
            unit: 'reqps',
            queries: [
              { expr: 'sum by (reason) (rate(ws_refused_total[$__rate_interval]))', legend: '{{reason}}' },
              { expr: 'sum by (code) (rate(ws_errors_total[$__rate_interval]))', legend: 'error {{code}}' },
            ],
          }),
          timeSeries({
            title: 'Requests to the registry',
            description: 'Enrolments and new keys, by outcome.',
            unit: 'reqps',
            queries: [
              {
                expr: 'sum by (kind, outcome) (rate(registry_requests_total[$__rate_interval])) or vector(0)',
                legend: '{{kind}} {{outcome}}',
              },
            ],
          }),
        ],
      ],
    },
    {
      title: 'Security events',
      lines: [
        [
          sqlTimeSeries({
            title: 'Events by kind',
            description: 'Alike failures are reported as one event every 10 s.',
            sql: `SELECT date_bin('1 minute', at, 'epoch') AS time, kind AS metric, sum(coalesce((detail->>'count')::bigint, 1)) AS value
  FROM security_events WHERE $__timeFilter(at) GROUP BY 1, 2 ORDER BY 1`,
            width: 10,
          }),
          table({
            title: 'Latest events',
            description: 'An address is null when the way in hides it (MQTT).',
            sql: `SELECT at, kind, device_id AS device, host(address) AS address, code, actor, detail::text AS detail
  FROM security_events WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 100`,
            width: 14,
          }),
        ],
        [
          table({
            title: 'Sources',
            description: 'Addresses by what was counted against them.',
            sql: `SELECT host(address) AS address, sum(coalesce((detail->>'count')::bigint, 1)) AS failures,
       count(DISTINCT device_id) AS devices, array_to_string(array_agg(DISTINCT kind), ', ') AS kinds, max(at) AS last_at
  FROM security_events WHERE $__timeFilter(at) AND address IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 50`,
          }),
          table({
            title: 'Devices',
            description: 'About which most was reported. That somebody claims to be a device is not its doing.',
            sql: `SELECT device_id AS device, sum(coalesce((detail->>'count')::bigint, 1)) AS failures,
       array_to_string(array_agg(DISTINCT kind), ', ') AS kinds, max(at) AS last_at
  FROM security_events WHERE $__timeFilter(at) AND device_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 50`,
          }),
        ],
      ],
    },
  ],
});
