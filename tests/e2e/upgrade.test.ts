import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import { WebSocket } from 'ws';
import { AlertClient } from '../../clients/js/src/index.ts';
import { parseTransition, TRANSITION_FIELD, type Transition } from '../../contracts/alert-transition.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { capStatusSchema } from '../../core/alerts/alert.ts';
import { buildCommit, hasCommit } from '../support/earlier-build.ts';
import { eventually } from '../support/eventually.ts';
import { startPlatform, type TestPlatform } from '../support/platform.ts';
import { THIS_BUILD } from '../support/process.ts';
import { runProgram } from '../support/run-program.ts';
import { assertNoReplyLost, startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

const BASE = readFileSync('tests/upgrade/base', 'utf8').trim();
const missing = (await hasCommit(BASE)) ? false : `commit ${BASE} is not in this repository: fetch its whole history`;

const FLEET = ['--devices', '12', '--rate', '4', '--duration', '0'];
/** Above most of the noise of the simulated devices: it is crossed often, and crossed back at once. */
const TREMOR = {
  ...{ kind: 'threshold', id: 'every-tremor', scope: { metrics: ['acc_x', 'acc_y', 'acc_z'] } },
  ...{ severity: 'Minor', status: 'Test', headline: 'A tremor', when: 'beyond', limit: 0.0125, clear_limit: 0.0125 },
};
const SHARE = 5;

class Listener implements Disposable {
  readonly cursors: string[] = [];
  readonly gaps: unknown[] = [];
  readonly #client: AlertClient;

  constructor(url: string) {
    this.#client = new AlertClient({ url, WebSocket, filters: [{ status: capStatusSchema.options }] });
    this.#client.on('alert', ({ cursor }) => this.cursors.push(cursor));
    this.#client.on('gap', (gap) => this.gaps.push(gap));
  }

  async hears(alerts: number): Promise<void> {
    const enough = this.cursors.length + alerts;
    await eventually(() => assert.ok(this.cursors.length >= enough, `${alerts} alerts more are not told`));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The new one starts beside the old one, and the old one ends when it has given a share of its leases away. */
async function rollWorker(platform: TestPlatform, tree: string): Promise<void> {
  const before = platform.service('worker');
  await platform.start('worker', tree);
  await eventually(async () => {
    assert.ok((await platform.metric('worker', 'leases_held')) >= SHARE, 'the new worker has not its share');
  });
  await platform.accepts(100);
  await before[Symbol.asyncDispose]();
}

async function roll(platform: TestPlatform, service: 'ingest' | 'broadcaster', tree: string): Promise<void> {
  const { status, lines } = await platform.stop(service);
  assert.deepEqual(status, { code: 0, signal: null }, lines.join('\n'));
  await platform.start(service, tree);
}

async function loadTransitions(redisUrl: string): Promise<ReadonlyMap<string, Transition>> {
  const redis = new Redis(redisUrl);
  const entries = await redis.xrange(redisKeys.alerts, '-', '+');
  redis.disconnect();
  return new Map(
    entries.map(([cursor, fields]) => {
      const transition = parseTransition(fields[fields.indexOf(TRANSITION_FIELD) + 1] ?? '');
      assert.ok(transition !== undefined);
      return [cursor, transition] as const;
    }),
  );
}

/** What is raised is cleared before it is raised again, whichever build decided. */
function assertLivesAreWhole(transitions: Iterable<Transition>): void {
  const active = new Map<string, string>();
  for (const { subject, alert_id: id, kind } of transitions) {
    assert.equal(active.get(subject), kind === 'raised' ? undefined : id, `${kind} of ${subject}`);
    if (kind === 'cleared') active.delete(subject);
    else active.set(subject, id);
  }
}

async function countStoredTransitions(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM alert_transitions');
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

test('an upgrade under load, and the way back, lose nothing and do nothing twice', { skip: missing }, async () => {
  await using earlier = await buildCommit(BASE);
  await using platform = await startPlatform({}, earlier.tree);
  const rules = join(platform.folder, 'rules.json');
  await writeFile(rules, JSON.stringify([TREMOR]));
  await platform.applyRules(rules);
  using listener = new Listener(platform.alertsUrl);
  await using fleet = await startFleet(platform, FLEET);
  await listener.hears(20);

  const { databaseUrl, redisUrl } = platform.stores;
  await runProgram('scripts/migrate.js', [], { DATABASE_URL: databaseUrl });
  await platform.accepts(100);
  for (const tree of [THIS_BUILD, earlier.tree]) {
    await rollWorker(platform, tree);
    await listener.hears(20);
    await roll(platform, 'ingest', tree);
    await platform.accepts(100);
    await roll(platform, 'broadcaster', tree);
    await listener.hears(20);
  }

  const outcome = await fleet.drain();
  await assertStoredOnce(platform, fleet, outcome);
  assert.equal(outcome.summary.rejected, 0);
  assertNoReplyLost(outcome);
  await eventually(async () => {
    const transitions = await loadTransitions(redisUrl);
    assertLivesAreWhole(transitions.values());
    assert.deepEqual(listener.cursors, [...transitions.keys()]);
    assert.equal(await countStoredTransitions(databaseUrl), transitions.size);
  });
  assert.deepEqual(listener.gaps, []);
});
