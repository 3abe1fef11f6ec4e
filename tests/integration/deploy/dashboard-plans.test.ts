import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { z } from 'zod';
import { DASHBOARDS } from '../../../scripts/grafana/dashboard-files.ts';
import { dashboardSchema, fillStatement } from '../../support/panel-queries.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const DEVICES = 10_000;
const ZONES = 100;
const ALERTS = 50_000;
const HOUR_MS = 3_600_000;
const WITHIN_MS = 1000;
const ZONE_IDS = [...Array.from({ length: ZONES }, (_, index) => `zone-${index}`), 'none'];
const RULE_IDS = Array.from({ length: 10 }, (_, index) => `rule-${index}`);

const planSchema = z.tuple([z.looseObject({ 'QUERY PLAN': z.array(z.looseObject({ 'Execution Time': z.number() })) })]);

let database: TestDatabase;
let client: pg.Client;
before(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url, options: '-c TimeZone=UTC' });
  await client.connect();
  await fill();
});
after(async () => {
  await client.end();
  await database[Symbol.asyncDispose]();
});

/** A fleet, of which some stand outside every zone, in zones that overlap and have many corners; and two years of alerts. */
async function fill(): Promise<void> {
  await client.query(
    `INSERT INTO devices (id, registry_version, position)
     SELECT 'device-' || i, 1,
            CASE WHEN i % 50 > 0 THEN ST_MakePoint(-100 + (i % 100) * 0.11, 10 + (i / 100) * 0.11)::geography END
       FROM generate_series(0, $1::int - 1) AS i`,
    [DEVICES],
  );
  await client.query(
    `INSERT INTO zones (id, name, area, registry_version)
     SELECT 'zone-' || i, 'Zone', ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(-100 + i % 10, 10 + i / 10), 4326), 0.7, 64)), 1
       FROM generate_series(0, $1::int - 1) AS i`,
    [ZONES],
  );
  await client.query(
    `INSERT INTO device_clocks SELECT id, 0, 0, 0, '{0}', 1, now() - random() * interval '1 hour' FROM devices`,
  );
  await client.query(`INSERT INTO metrics SELECT id, 1, 'temperature', 'Cel' FROM devices`);
  await client.query(
    `DO $$ BEGIN EXECUTE format('CREATE TABLE now_minutes PARTITION OF readings_minute FOR VALUES FROM (%L) TO (%L)',
       date_trunc('day', now()) - interval '1 day', date_trunc('day', now()) + interval '2 days'); END $$`,
  );
  await client.query(
    `INSERT INTO readings_minute (device_id, metric_id, time, readings, numbers, sum, min, max)
     SELECT id, 1, date_trunc('minute', now()) - minute * interval '1 minute', 60, 60, 60, 1, 1
       FROM devices, generate_series(0, 4) AS minute`,
  );
  await client.query(
    `INSERT INTO alerts (id, rule_id, subject, version, state, severity, status, headline, position, raised_at, ended_at, updated_at)
     SELECT gen_random_uuid(), 'rule-' || i % 10, 'device-' || i, 2, CASE WHEN i < 20 THEN 'active' ELSE 'cleared' END, 'Minor',
            'Actual', 'Too warm', ST_MakePoint(-100, 10)::geography, at,
            CASE WHEN i >= 20 THEN at + interval '5 minutes' END, at
       FROM (SELECT i, now() - i * interval '20 minutes' AS at FROM generate_series(0, $1::int - 1) AS i) AS each`,
    [ALERTS],
  );
  await client.query(
    `INSERT INTO alert_transitions (alert_id, version, cursor, kind, actor, at, decided_at, evidence)
     SELECT id, each.version, id || ' ' || each.version, 'raised', 'rule', raised_at, raised_at, '{}'
       FROM alerts, generate_series(1, 2) AS each(version)`,
  );
  await client.query('ANALYZE');
}

interface Statement {
  readonly title: string;
  readonly sql: string;
}

/** Of the panels of a dashboard, for the last hours. */
function statementsOf(name: string, hours: number, values: Readonly<Record<string, readonly string[]>>): Statement[] {
  const { panels } = dashboardSchema.parse(DASHBOARDS[name]);
  const now = Date.now();
  return panels.flatMap(({ title = '', targets }) =>
    targets.flatMap(({ rawSql }) => {
      if (rawSql === undefined) return [];
      const sql = fillStatement(rawSql, new Map(Object.entries(values)), now - hours * HOUR_MS, now);
      return [{ title, sql }];
    }),
  );
}

async function explain(sql: string): Promise<{ readonly ms: number; readonly plan: string }> {
  const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`);
  const [{ 'QUERY PLAN': plans }] = planSchema.parse(rows);
  return { ms: plans[0]?.['Execution Time'] ?? NaN, plan: JSON.stringify(plans) };
}

test('what panels ask of alerts by time is found by an index, and not by reading all there ever were', async () => {
  const statements = statementsOf('alerts', 6, { rule: RULE_IDS });
  assert.ok(statements.length >= 7);
  for (const { title, sql } of statements) {
    const { plan } = await explain(sql);
    assert.doesNotMatch(plan, /"Seq Scan"[^}]*"Relation Name":"(alerts|alert_transitions)"/, `${title}: ${plan}`);
  }
});

test('the fleet of ten thousand devices in a hundred zones is shown within a second, whichever zones are chosen', async (context) => {
  for (const zone of [ZONE_IDS, ZONE_IDS.slice(0, 3), ['none']]) {
    for (const { title, sql } of statementsOf('fleet', 1, { zone })) {
      const { ms, plan } = await explain(sql);
      assert.match(plan, /"Index Name":"(devices_place|zones_area)"/, title);
      context.diagnostic(`${zone.length} zones, ${title}: ${Math.round(ms)} ms`);
      assert.ok(ms < WITHIN_MS, `${title} takes ${ms} ms`);
    }
  }
});

test('the zones that are chosen have the devices that stand in them, and "none" all others', async () => {
  const count = async (zone: readonly string[]): Promise<number> => {
    const [devices] = statementsOf('fleet', 1, { zone });
    const { rows } = await client.query<{ devices: string }>(devices?.sql ?? '');
    return Number(rows[0]?.devices);
  };
  assert.equal(await count(ZONE_IDS), DEVICES);
  const none = await count(['none']);
  const inside = await count(ZONE_IDS.slice(0, -1));
  assert.equal(inside + none, DEVICES);
  assert.ok(none > DEVICES / 50 && inside > DEVICES / 2, `${none} and ${inside}`);
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM devices d WHERE EXISTS (
       SELECT FROM zones z WHERE z.id IN ('zone-3', 'zone-4') AND ST_Covers(z.area, d.position::geometry))`,
  );
  assert.equal(await count(['zone-3', 'zone-4']), Number(rows[0]?.count));
});
