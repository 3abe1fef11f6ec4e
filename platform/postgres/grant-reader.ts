import type pg from 'pg';

/** A role that an installation may have for its dashboards. */
const READER = 'telltale_reader';

/** What devices measured and what was made of it: neither API keys nor tokens, nor who asked for what. */
const READABLE = [
  'alert_transitions',
  'alerts',
  'device_clocks',
  'device_positions',
  'devices',
  'metrics',
  'newest_positions',
  'readings',
  'readings_hour',
  'readings_minute',
  'rules',
  'security_events',
  'zones',
];

/** Lets the role read, where the database has it. */
export async function grantReader(client: pg.Client): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [READER]);
  if (rows.length > 0) await client.query(`GRANT SELECT ON ${READABLE.join(', ')} TO ${READER}`);
}
