import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import type { AlertMessage } from '../../contracts/alert-stream.ts';
import { AlertListener } from '../../scripts/dev-stack/alert-listener.ts';
import { assertNothingUnusual } from '../support/assert-nothing-unusual.ts';
import { eventually } from '../support/eventually.ts';
import { SERVICES, startPlatform } from '../support/platform.ts';
import { startFleet } from '../support/simulated-fleet.ts';
import { assertStoredOnce } from '../support/stored-once.ts';

const DEVICES = 20;
const RATE = 2;
const DURATION_S = 10;
const READINGS = DEVICES * RATE * DURATION_S * 3 * 10;

interface DeliveredTransition {
  readonly cursor: string;
  readonly alert_id: string;
  readonly version: number;
  readonly kind: string;
  readonly subject: string;
  readonly lon: number | undefined;
  readonly lat: number | undefined;
}

/** In the order of their cursors, as a subscriber gets them. */
async function loadStoredTransitions(databaseUrl: string): Promise<readonly DeliveredTransition[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<DeliveredTransition>(
      `SELECT cursor, alert_id, t.version, kind, subject,
              ST_X(position::geometry) AS lon, ST_Y(position::geometry) AS lat
         FROM alert_transitions t JOIN alerts a ON a.id = t.alert_id
        ORDER BY split_part(cursor, '-', 1)::bigint, split_part(cursor, '-', 2)::bigint`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

const deliveredTransition = ({ cursor, alert_id, version, kind, subject, position }: AlertMessage) => ({
  ...{ cursor, alert_id, version, kind, subject, lon: position?.lon, lat: position?.lat },
});

test('a quake that a signed fleet feels is stored reading by reading and reaches a subscriber as alerts', async () => {
  await using platform = await startPlatform();
  await platform.applyRules('deploy/demo/rules.json');
  const frames: AlertMessage[] = [];
  await using client = new AlertListener(platform.alertsUrl, (frame) => frames.push(frame));
  await client.open();

  const args = ['--devices', String(DEVICES), '--rate', String(RATE), '--duration', String(DURATION_S)];
  await using fleet = await startFleet(platform, [...args, '--scenario', 'quake', '--quake-after', '2']);
  const outcome = await fleet.outcome();
  await assertStoredOnce(platform, fleet, outcome);
  assert.equal(outcome.summary.packs_accepted, DEVICES * RATE * DURATION_S);
  assert.equal(outcome.summary.accepted, READINGS);
  assert.deepEqual(outcome.summary.sent_again, {});
  assertNothingUnusual('firmware-sim', outcome.lines);

  const raised = frames.filter(({ kind }) => kind === 'raised');
  assert.ok(raised.length > DEVICES / 2, `${raised.length} of ${DEVICES} devices raised an alert`);
  assert.equal(new Set(raised.map(({ subject }) => subject)).size, raised.length);
  for (const { evidence, subject } of raised) {
    const [cause] = evidence.readings;
    assert.ok(cause?.device === subject && Math.abs(cause.value) > (evidence.limit ?? Infinity));
  }
  await eventually(async () => {
    const stored = await loadStoredTransitions(platform.stores.databaseUrl);
    assert.deepEqual(stored, frames.map(deliveredTransition));
  });

  for (const service of SERVICES) assertNothingUnusual(service, (await platform.stop(service)).lines);
});
