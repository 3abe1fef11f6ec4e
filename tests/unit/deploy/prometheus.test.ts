import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeMetrics } from '../../../scripts/docs/metrics-page.ts';
import { ALERT_CASES, type AlertCase } from './alert-cases.ts';

const FOLDER = resolve('deploy/prometheus');
const RULE_FILES = ['recording.yml', 'alerting.yml'].map((name) => join(FOLDER, 'rules', name));

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string().optional(),
          record: z.string().optional(),
          expr: z.string(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
});
const rules = RULE_FILES.flatMap((path) =>
  rulesSchema.parse(parse(readFileSync(path, 'utf8'))).groups.flatMap((group) => group.rules),
);
const alerts = new Map(rules.flatMap((rule) => (rule.alert === undefined ? [] : [[rule.alert, rule] as const])));

function promtool(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, `${error?.message ?? ''}${stdout}${stderr}`);
  return stdout + stderr;
}

/** What promtool is given for one alerting rule: a test in which it fires, and those in which it does not. */
function testsOf({ alert, at, fires, labels = {}, summary, silent }: AlertCase): unknown[] {
  const rule = alerts.get(alert);
  assert.ok(rule !== undefined, `there is no rule ${alert}`);
  const expected = {
    exp_labels: { ...labels, ...rule.labels },
    exp_annotations: { ...rule.annotations, summary },
  };
  const about = (series: AlertCase['fires'], expectedAlerts: readonly unknown[]) => ({
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: expectedAlerts }],
  });
  return [about(fires, [expected]), ...silent.map((series) => about(series, []))];
}

test('Prometheus takes the configuration and the rules', () => {
  assert.match(promtool('check', 'config', join(FOLDER, 'prometheus.yml')), /is valid/);
  promtool('check', 'rules', '--lint-fatal', ...RULE_FILES);
});

test('each alerting rule fires when it has to, with words that say what is wrong, and is silent otherwise', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-promtool-'));
  try {
    const path = join(folder, 'alerting.test.json');
    // promtool reads YAML, of which JSON is a part.
    const file = { rule_files: RULE_FILES, evaluation_interval: '15s', tests: ALERT_CASES.flatMap(testsOf) };
    writeFileSync(path, JSON.stringify(file));
    assert.match(promtool('test', 'rules', path), /SUCCESS/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every alerting rule has its case and its runbook, and nothing else has one', () => {
  const names = [...alerts.keys()].sort();
  assert.deepEqual([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort(), names);
  for (const name of names) {
    assert.ok(
      ALERT_CASES.some(({ alert, silent }) => alert === name && silent.length > 0),
      `${name} is never silent`,
    );
    const rule = alerts.get(name);
    assert.match(rule?.labels?.severity ?? '', /^(critical|warning)$/);
    assert.equal(rule?.annotations?.runbook, `docs/operations.md#${name.toLowerCase()}`);
  }
  const runbooks = readFileSync('docs/operations.md', 'utf8').match(/^### Telltale\w+$/gm) ?? [];
  assert.deepEqual(runbooks.map((heading) => heading.slice(4)).sort(), names);
});

test('rules and cases ask for metrics that there are', () => {
  const metrics = describeMetrics();
  const known = new Set([
    'up',
    ...rules.flatMap(({ record }) => record ?? []),
    ...metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? ['bucket', 'count', 'sum'].map((suffix) => `${name}_${suffix}`) : [name],
    ),
  ]);
  const asked = [...rules.map(({ expr }) => expr), ...ALERT_CASES.flatMap(({ fires }) => Object.keys(fires))].flatMap(
    (text) =>
      text
        .replaceAll(/\{[^}]*\}|"[^"]*"|\bby \([^)]*\)/g, ' ')
        .match(/\b[a-z][a-z0-9]*_[a-z0-9_]+\b|telltale:[\w:]+/g) ?? [],
  );
  const functions = new Set(['histogram_quantile', 'label_replace', 'max_over_time']);
  assert.deepEqual(
    [...new Set(asked)].filter((name) => !known.has(name) && !functions.has(name)),
    [],
  );
});
