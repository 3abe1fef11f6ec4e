import { createDashboard, sqlVariable } from '../dashboard.ts';
import { map, quantiles, sqlStat, sqlTimeSeries, table, timeSeries } from '../panels.ts';

/**
 * Devices of which a zone was chosen; those without a zone are in `none`. What stands in a zone is found by the index of the places, once
 * for each zone: the other way round the corners of a zone are prepared anew for each device.
 */
const CHOSEN = `(
  SELECT devices.* FROM devices
    LEFT JOIN (
      SELECT inside.id, bool_or(z.id IN ($zone)) AS is_chosen
        FROM zones z JOIN devices inside ON ST_Covers(z.area, inside.position::geometry)
       WHERE z.id IN ($zone) OR 'none' IN ($zone)
       GROUP BY inside.id
    ) AS placed ON placed.id = devices.id
   WHERE coalesce(placed.is_chosen, 'none' IN ($zone))) AS d`;

/** When a device was last heard, as the worker notes it with its clock every ten seconds: one row of each device. */
const NEWEST =
  'LEFT JOIN LATERAL (SELECT updated_at AS at FROM device_clocks c WHERE c.device_id = d.id) AS newest ON true';

/** Who the devices are, where they are and whether they are heard. */
export const fleet = createDashboard({
  uid: 'telltale-fleet',
  title: 'Telltale: fleet',
  description: 'The devices, where they are, and whether they are heard.',
  from: 'now-1h',
  refresh: '1m',
  variables: [sqlVariable('zone', 'Zone', `SELECT id FROM zones UNION ALL SELECT 'none' ORDER BY 1`)],
  rows: [
    {
      title: 'Now',
      lines: [
        [
          sqlStat({
            title: 'Devices',
            description: 'Registered.',
            sql: `SELECT count(*) AS devices FROM ${CHOSEN}`,
          }),
          sqlStat({
            title: 'Heard',
            description: 'Within five minutes.',
            sql: `SELECT count(*) AS heard FROM ${CHOSEN} ${NEWEST} WHERE newest.at > now() - interval '5 minutes'`,
          }),
          sqlStat({
            title: 'Silent',
            description: 'Heard before, and not within five minutes.',
            sql: `SELECT count(*) AS silent FROM ${CHOSEN} ${NEWEST} WHERE newest.at <= now() - interval '5 minutes'`,
            steps: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
          sqlStat({
            title: 'Disabled',
            description: 'By an operator: nothing of theirs is accepted.',
            sql: `SELECT count(*) AS disabled FROM ${CHOSEN} WHERE disabled`,
          }),
        ],
        [
          map({
            title: 'Devices',
            description: 'By their newest position, and by whether they are heard.',
            colors: { heard: 'green', silent: 'orange', 'never heard': 'gray', disabled: 'red' },
            sql: `SELECT d.id AS device,
       ST_Y(coalesce(p.position, d.position)::geometry) AS lat,
       ST_X(coalesce(p.position, d.position)::geometry) AS lon,
       CASE WHEN d.disabled THEN 'disabled'
            WHEN newest.at > now() - interval '5 minutes' THEN 'heard'
            WHEN newest.at IS NOT NULL THEN 'silent'
            ELSE 'never heard' END AS state,
       d.class, d.site, d.status, newest.at AS heard_at
  FROM ${CHOSEN}
  LEFT JOIN newest_positions p ON p.device_id = d.id
  ${NEWEST}
 WHERE coalesce(p.position, d.position) IS NOT NULL
 LIMIT 20000`,
          }),
        ],
      ],
    },
    {
      title: 'Readings',
      lines: [
        [
          sqlTimeSeries({
            title: 'Readings a minute, by metric',
            description: 'As they are stored, by the clock of the devices.',
            sql: `SELECT m.time AS time, metrics.name AS metric, sum(m.readings) AS value
  FROM readings_minute m JOIN metrics USING (device_id, metric_id) JOIN ${CHOSEN} ON d.id = m.device_id
 WHERE $__timeFilter(m.time)
 GROUP BY 1, 2 ORDER BY 1`,
          }),
          timeSeries({
            title: 'Packs by zone',
            description: 'That rules have seen. A zone from which nothing comes any more raises TelltaleSilentZone.',
            unit: 'cps',
            queries: [{ expr: 'sum by (zone) (rate(zone_packs_total[$__rate_interval]))', legend: '{{zone}}' }],
          }),
        ],
      ],
    },
    {
      title: 'Clocks and silence',
      lines: [
        [
          timeSeries({
            title: 'Clocks of devices behind ours',
            description:
              'What messages say beside when they come; the way of the message is in it. All off alike: it is our clock.',
            unit: 's',
            queries: quantiles('clock_skew_seconds', undefined, [0.05, 0.5, 0.95]),
          }),
          table({
            title: 'Clocks furthest off',
            description: 'Milliseconds behind ours, smoothed.',
            sql: `SELECT c.device_id AS device, c.offset_ms, c.lowest_ms, c.highest_ms, c.envelopes, c.updated_at
  FROM device_clocks c JOIN ${CHOSEN} ON d.id = c.device_id
 ORDER BY abs(c.offset_ms) DESC LIMIT 50`,
          }),
          table({
            title: 'Heard last',
            description: 'Those that have been silent longest come first.',
            sql: `SELECT d.id AS device, d.site, d.owner, d.class, newest.at AS heard_at
  FROM ${CHOSEN} ${NEWEST}
 ORDER BY newest.at NULLS FIRST LIMIT 50`,
          }),
        ],
      ],
    },
  ],
});
