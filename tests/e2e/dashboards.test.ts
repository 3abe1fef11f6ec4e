import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { describeMetrics } from '../../scripts/docs/metrics-page.ts';
import { grantReader } from '../../platform/postgres/grant-reader.ts';
import { ALL, openSubscriber } from '../support/alert-subscriber.ts';
import { eventually } from '../support/eventually.ts';
import { dashboardSchema, fillExpression, fillStatement, type Variables } from '../support/panel-queries.ts';
import { SERVICES, startPlatform, type TestPlatform } from '../support/platform.ts';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { startFleet } from '../support/simulated-fleet.ts';

const FOLDER = 'deploy/grafana/dashboards';
const LOAD_S = 14;
const READER = 'telltale_reader';
/** All the world but a strip, so that some devices are in it. */
const WORLD = 'MULTIPOLYGON(((-179 -89, 179 -89, 179 89, -179 89, -179 -89)))';

/** As Grafana asks: with the rights that it has. */
async function connectAsReader(platform: TestPlatform): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: platform.stores.databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [READER]);
  // Of the whole cluster: another run may have made it.
  if (rows.length === 0) await client.query(`CREATE ROLE ${READER}`);
  await grantReader(client);
  await client.query(
    `WITH changed AS (UPDATE registry_state SET version = version + 1 RETURNING version)
     INSERT INTO zones (id, name, area, registry_version)
     SELECT 'world', 'World', ST_GeomFromText($1, 4326), version FROM changed`,
    [WORLD],
  );
  await client.query(`SET ROLE ${READER}`);
  return client;
}

/** Subscribers of every kind: one that stays, one that resumes where nobody has been, one that ends. */
async function subscribe(platform: TestPlatform): Promise<AsyncDisposable> {
  const stays = await openSubscriber(platform.alertsUrl);
  stays.say({ type: 'subscribe', filters: ALL });
  const lost = await openSubscriber(platform.alertsUrl);
  lost.say({ type: 'subscribe', filters: ALL, resume: { epoch: 'another', cursor: '1-0' } });
  await lost.told('gap');
  lost.say({ type: 'nonsense' });
  await lost.told('error');
  lost.socket.close();
  const elsewhere = { origin: 'https://elsewhere.example' };
  await assert.rejects(openSubscriber(platform.alertsUrl, [], elsewhere), /403/);
  return {
    [Symbol.asyncDispose]: async () => {
      stays[Symbol.dispose]();
      await stays.closed;
    },
  };
}

class Dashboards {
  readonly failures: string[] = [];
  panels = 0;
  expressions = 0;
  statements = 0;
  readonly #prometheus: TestPrometheus;
  readonly #database: pg.Client;
  readonly #fromMs: number;
  readonly #toMs: number;

  constructor(prometheus: TestPrometheus, database: pg.Client, fromMs: number, toMs: number) {
    this.#prometheus = prometheus;
    this.#database = database;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  async run(text: string): Promise<void> {
    const { title, panels, templating } = dashboardSchema.parse(JSON.parse(text));
    const variables = new Map<string, readonly string[]>();
    for (const { name, query } of templating.list) {
      const values = typeof query === 'string' ? await this.#column(query) : await this.#labelValues(query.query);
      if (values.length === 0) this.failures.push(`${title}, variable ${name}: no values`);
      variables.set(name, values);
    }
    for (const { type, title: panel = '', targets } of panels) {
      if (type === 'row') continue;
      this.panels += 1;
      for (const target of targets) {
        const what = target.expr ?? target.rawSql ?? '';
        try {
          const isAnswered =
            target.expr === undefined
              ? await this.#isAnswered(target.rawSql ?? '', type, variables)
              : await this.#isMeasured(target.expr, target.instant === true, variables);
          if (!isAnswered) this.failures.push(`${title}, ${panel}: an empty answer to ${what}`);
        } catch (error) {
          this.failures.push(`${title}, ${panel}: ${error instanceof Error ? error.message : String(error)}: ${what}`);
        }
      }
    }
  }

  async #labelValues(query: string): Promise<readonly string[]> {
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    return await this.#prometheus.labelValues(label, metric);
  }

  async #column(sql: string): Promise<readonly string[]> {
    const { rows } = await this.#database.query<string[]>({ text: sql, rowMode: 'array' });
    return rows.map(([value = '']) => value);
  }

  async #isMeasured(expr: string, isInstant: boolean, variables: Variables): Promise<boolean> {
    this.expressions += 1;
    const [fromS, toS] = [this.#fromMs / 1000, this.#toMs / 1000];
    const filled = fillExpression(expr, variables, Math.round(toS - fromS));
    const series = isInstant
      ? await this.#prometheus.instant(filled, toS)
      : await this.#prometheus.range(filled, fromS, toS);
    return series.some((values) => values.length > 0);
  }

  /** A time series has to have the columns that Grafana makes lines of, a map the places of its points. */
  async #isAnswered(sql: string, type: string, variables: Variables): Promise<boolean> {
    this.statements += 1;
    const filled = fillStatement(sql, variables, this.#fromMs, this.#toMs);
    const { rows, fields } = await this.#database.query<Record<string, unknown>>(filled);
    const names = fields.map(({ name }) => name);
    const required = { timeseries: ['time', 'metric', 'value'], geomap: ['lat', 'lon', 'state'] }[type] ?? [];
    const missing = required.filter((name) => !names.includes(name));
    if (missing.length > 0) throw new Error(`no column ${missing.join()}`);
    return rows.length > 0;
  }
}

test('every query of every panel has an answer from a platform under load, and every metric has its line in the docs', async (context) => {
  await using platform = await startPlatform({ TELLTALE_INGEST_BLOCK_AFTER: '5' });
  const urls = SERVICES.map((service) => [service, platform.service(service).adminUrl] as const);
  await using prometheus = await startPrometheus(Object.fromEntries(urls));
  await platform.applyRules('deploy/demo/rules.json');
  const database = await connectAsReader(platform);
  try {
    await using _subscribers = await subscribe(platform);
    // Of an increase before the first scrape nobody knows. Minutes begin before what is in them.
    await eventually(async () => {
      const up = await prometheus.instant('up == 1', Date.now() / 1000);
      assert.equal(up.length, SERVICES.length);
    });
    const fromMs = Date.now() - 60_000;
    const quake = ['--scenario', 'quake', '--quake-after', '4'];
    await using fleet = await startFleet(platform, [
      '--devices',
      '20',
      '--duration',
      String(LOAD_S),
      '--attack',
      'mix',
      ...quake,
    ]);
    await eventually(
      async () => assert.ok((await platform.metric('worker', 'alert_transitions_stored_total')) > 0, 'no alert'),
      40_000,
    );
    await eventually(async () =>
      assert.ok((await platform.metric('worker', 'security_events_stored_total')) > 0, 'no event'),
    );
    // What is kept of clocks is stored every ten seconds.
    await eventually(async () =>
      assert.ok((await database.query('SELECT FROM device_clocks')).rowCount !== 0, 'no clock'),
    );
    // Some scrapes of what has come last.
    await delay(4000);
    const dashboards = new Dashboards(prometheus, database, fromMs, Date.now());
    for (const name of readdirSync(FOLDER)) await dashboards.run(readFileSync(`${FOLDER}/${name}`, 'utf8'));
    const { panels, expressions, statements, failures } = dashboards;
    context.diagnostic(
      `${panels} panels, ${expressions} expressions, ${statements} statements, ${failures.length} without an answer`,
    );
    assert.deepEqual(failures, []);
    assert.ok(panels >= 50 && expressions >= 60 && statements >= 15);

    const scraped = new Set<string>();
    for (const [, url] of urls) {
      for (const [, name = ''] of (await (await fetch(`${url}/metrics`)).text()).matchAll(/^# TYPE (\w+) /gm))
        scraped.add(name);
    }
    const described = new Set(describeMetrics().map(({ name }) => name));
    assert.deepEqual(
      [...scraped].filter((name) => !described.has(name)),
      [],
      'in no line of docs/metrics.md',
    );
    // There is no broker here.
    for (const name of described) {
      if (name === 'ingest_mqtt_connections' || name.startsWith('broker_logins_')) described.delete(name);
    }
    assert.deepEqual(
      [...described].filter((name) => !scraped.has(name)),
      [],
      'in docs/metrics.md and measured by nobody',
    );
    await fleet.outcome();
  } finally {
    await database.end();
  }
});
