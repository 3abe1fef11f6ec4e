import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { transitionSchema } from '../../../contracts/alert-transition.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { appendPack, numberReading } from '../../support/admitted-packs.ts';
import { readTransitions } from '../../support/detecting.ts';
import { eventually } from '../../support/eventually.ts';
import { startProgram } from '../../support/process.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

const RULE = {
  kind: 'threshold',
  id: 'strong-motion',
  scope: { metrics: ['x'], tags: ['roof'] },
  severity: 'Severe',
  headline: 'Strong motion',
  when: 'above',
  limit: 10,
  clear_limit: 5,
};
const listSchema = z.object({ alerts: z.array(transitionSchema) });

test('an operator gives a device a status and tags, mutes a rule, and looks after an alert', async () => {
  await using stores = await openWorkerStores();
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200));
  const folder = await mkdtemp(join(tmpdir(), 'telltale-admin-'));
  const admin = async (...args: readonly string[]) => {
    const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
    await using started = await startProgram('scripts/admin.js', args, settings);
    const { code } = await started.running.exited;
    return { code, lines: started.running.lastLines(Infinity).join('\n'), result: started.running.result };
  };
  const succeed = async (...args: readonly string[]): Promise<string> => {
    const { code, lines, result } = await admin(...args);
    assert.equal(code, 0, lines);
    return result;
  };
  const shake = (value: number) =>
    appendPack(stores.redis, { device: 'dev-1', readings: [numberReading('x', Date.now() * 1000, value)] });
  const told = async (): Promise<readonly string[]> =>
    (await readTransitions(stores.redis)).map(
      ({ transition: { kind, status, acknowledged_by: by } }) => `${kind} ${status} ${by ?? '-'}`,
    );
  try {
    const file = join(folder, 'rules.json');
    await writeFile(file, JSON.stringify([RULE]));
    await new RegistryStore(stores.database).registerDevices([
      { id: 'dev-1', class: 'fixed', site: null, owner: null, position: null, keys: [], apiKeys: [] },
    ]);
    await succeed('rules', file);
    await succeed('describe', 'dev-1', '--status', 'Test', '--tag', 'roof', 'north');
    await succeed('mute', 'strong-motion', '--for', '1h', '--device', 'dev-1', 'dev-9');
    await shake(11);
    await succeed('unmute', 'strong-motion');
    assert.deepEqual(await told(), [], 'it was muted');
    await eventually(async () => {
      await shake(12);
      assert.deepEqual(await told(), ['raised Test -']);
    });

    const { alerts } = listSchema.parse(JSON.parse(await succeed('alerts', '--json')));
    assert.equal(alerts.length, 1);
    const id = alerts[0]?.alert_id ?? '';
    await succeed('alert', 'acknowledge', id, '--by', 'ana', '--note', 'On my way.');
    assert.match(
      await succeed('alerts'),
      /Severe \(Test\) {2}Strong motion: strong-motion at dev-1, ana looks after it/,
    );
    await succeed('alert', 'cancel', id, '--by', 'ana');
    assert.equal(await succeed('alerts'), 'no alert is active');
    assert.deepEqual(await told(), ['raised Test -', 'updated Test ana', 'cancelled Test ana']);

    for (const [args, message] of [
      [['alert', 'cancel', id, '--by', 'ana'], /over already/],
      [['alert', 'cancel', 'nobody', '--by', 'ana'], /no alert has the id nobody/],
      [['alert', 'cancel', id], /--by/],
      [['alert', 'acknowledge', id, '--by', 'two words'], /--by is a name/],
      [['alert', 'acknowledge', id, '--by', 'ana', '--note', 'two\nlines'], /--note is one line/],
      [['mute', 'strong-motion'], /--for <duration> is missing/],
      [['mute', 'strong-motion', '--for', 'soon'], /soon/],
      [['mute', 'no-rule', '--for', '1h'], /no rule has the id no-rule/],
      [['describe', 'dev-1'], /nothing to change/],
      [['describe', 'dev-1', '--status', 'Serious'], /none of Actual, Exercise, Test/],
      [['describe', 'dev-1', '--tag', 'two words'], /is no tag/],
      [['describe', 'nobody', '--no-tags'], /no device has the id nobody/],
    ] as const) {
      const { code, lines } = await admin(...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(lines, message);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
