import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeMetrics } from '../../../scripts/docs/metrics-page.ts';
import { DASHBOARDS, formatDashboard } from '../../../scripts/grafana/dashboard-files.ts';
import { dashboardSchema, fillStatement } from '../../support/panel-queries.ts';

const FOLDER = 'deploy/grafana/dashboards';
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(`${FOLDER}/${name}`, 'utf8') }));
const dashboards = files.map(({ text }) => dashboardSchema.parse(JSON.parse(text)));

test('deploy/grafana/dashboards are what the code says; "npm run dashboards" writes them', () => {
  const expected = Object.entries(DASHBOARDS).map(([name, dashboard]) => [`${name}.json`, formatDashboard(dashboard)]);
  assert.deepEqual(Object.fromEntries(files.map(({ name, text }) => [name, text])), Object.fromEntries(expected));
});

test('dashboards are told apart, and panels neither overlap nor stand outside, nor have one number', () => {
  assert.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
  for (const { title, panels } of dashboards) {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, title);
    const taken = new Set<string>();
    for (const { title: panel, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, `${title}, ${panel}`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x}/${y}`), `${title}, ${panel} overlaps another panel`);
          taken.add(`${x}/${y}`);
        }
      }
    }
  }
});

test('every panel says what it means, asks something, and asks a data source that is provisioned', () => {
  const provisioned = z
    .object({ datasources: z.array(z.object({ uid: z.string(), type: z.string() }).loose()) })
    .parse(parse(readFileSync('deploy/grafana/provisioning/datasources/telltale.yml', 'utf8')));
  const known = new Set(provisioned.datasources.map(({ uid, type }) => `${type}/${uid}`));
  for (const { title, panels, templating } of dashboards) {
    for (const { type, uid } of templating.list.map(({ datasource }) => datasource))
      assert.ok(known.has(`${type}/${uid}`));
    for (const panel of panels.filter(({ type }) => type !== 'row')) {
      const name = `${title}, ${panel.title ?? ''}`;
      assert.ok(panel.description !== undefined && panel.description.length > 5, name);
      assert.ok(panel.targets.length > 0, name);
      const { type, uid } = panel.datasource ?? { type: '', uid: '' };
      assert.ok(known.has(`${type}/${uid}`), name);
    }
  }
});

test('panels ask for metrics that there are, and use variables that the dashboard has', () => {
  const known = new Set(
    describeMetrics().flatMap(({ name, type }) =>
      type === 'histogram' ? [name, `${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
  );
  for (const { title, panels, templating } of dashboards) {
    const variables = new Set(templating.list.map(({ name }) => name));
    for (const { title: panel, targets } of panels) {
      for (const { expr = '', rawSql = '' } of targets) {
        const asked = expr.replaceAll(/\{[^}]*\}|\bby \([^)]*\)/g, ' ').match(/\b[a-z][a-z0-9]*_[a-z0-9_]+\b/g) ?? [];
        for (const name of asked) {
          assert.ok(name === 'histogram_quantile' || known.has(name), `${title}, ${panel ?? ''}: ${name}`);
        }
        for (const [, name = ''] of `${expr} ${rawSql}`.matchAll(/\$([a-z]\w*)/g)) {
          assert.ok(variables.has(name), `${title}, ${panel ?? ''}: $${name}`);
        }
      }
    }
  }
});

test('what Grafana fills into a statement is filled in here as well', () => {
  const filled = fillStatement(
    'SELECT $__timeFrom() WHERE $__timeFilter(a.at) AND r IN ($rule)',
    new Map([['rule', ["o'r", 'b']]]),
    0,
    1000,
  );
  assert.equal(
    filled,
    "SELECT '1970-01-01T00:00:00.000Z' WHERE a.at BETWEEN '1970-01-01T00:00:00.000Z' AND '1970-01-01T00:00:01.000Z' AND r IN ('o''r','b')",
  );
});
