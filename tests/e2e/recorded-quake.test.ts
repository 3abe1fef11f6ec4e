import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { distanceM } from '../../core/geo/position.ts';
import type { AcknowledgedReading } from '../../scripts/audit/ledger.ts';
import type { AlertMessage } from '../../contracts/alert-stream.ts';
import { AlertListener } from '../../scripts/dev-stack/alert-listener.ts';
import { assertNothingUnusual } from '../support/assert-nothing-unusual.ts';
import { eventually } from '../support/eventually.ts';
import { startPlatform } from '../support/platform.ts';
import { startFleet } from '../support/simulated-fleet.ts';
import { loadExpected } from '../support/stored-as-expected.ts';

const FOLDER = join('..', 'shared', 'data', 'openeew');
/** The one with the fewest samples. */
const RECORDING = '2017_12_25';
const SPEED = 20;
/** Weaker shaking than the limit of the demo's rule was felt farther away. */
const FELT_WITHIN_M = 50_000;

const recordSchema = z.object({
  device_id: z.string(),
  device_t: z.number(),
  sr: z.number(),
  x: z.array(z.number()),
  y: z.array(z.number()),
  z: z.array(z.number()),
});
const eventsSchema = z.array(
  z.object({ recording: z.string(), origin: z.iso.datetime(), latitude: z.number(), longitude: z.number() }),
);

type Replay = { readonly origin_us: number; readonly start_us: number; readonly speed: number };

/** What the recording says, in m/s2, at the times of this replay. */
function* expectedReadings(path: string, replay: Replay): Generator<AcknowledgedReading> {
  for (const line of gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n')) {
    const record = recordSchema.parse(JSON.parse(line));
    const lastUs = Math.round(record.device_t * 1e6);
    for (const axis of ['x', 'y', 'z'] as const) {
      for (const [index, gal] of record[axis].entries()) {
        const recordedUs = lastUs - Math.round(((record[axis].length - 1 - index) * 1e6) / record.sr);
        const timeUs = replay.start_us + Math.round((recordedUs - replay.origin_us) / replay.speed);
        yield { device: `openeew-${record.device_id}`, metric: `acc_${axis}`, timeUs, value: gal / 100 };
      }
    }
  }
}

function loadTruth() {
  const events = eventsSchema.parse(JSON.parse(readFileSync(join(FOLDER, 'events.json'), 'utf8')));
  const event = events.find(({ recording }) => recording === RECORDING);
  assert.ok(event !== undefined);
  return { originUs: Date.parse(event.origin) * 1000, epicentre: { lat: event.latitude, lon: event.longitude } };
}

const skip = existsSync(FOLDER) ? false : `the recordings are not beside this folder, in ${FOLDER}`;

test(
  'a recorded quake is stored as it was recorded, and raises alerts only near it and after it',
  { skip },
  async () => {
    const path = join(FOLDER, `${RECORDING}.jsonl.gz`);
    await using platform = await startPlatform();
    await platform.applyRules('deploy/demo/rules.json');
    const frames: AlertMessage[] = [];
    await using client = new AlertListener(platform.alertsUrl, (frame) => frames.push(frame));
    await client.open();

    await using fleet = await startFleet(platform, ['--replay', path, '--speed', String(SPEED)]);
    const { summary, exitCode, lines } = await fleet.outcome();
    assert.equal(exitCode, 0, lines.join('\n'));
    assertNothingUnusual('firmware-sim', lines);
    assert.deepEqual(summary.by_code, {});
    const { replay } = summary;
    assert.ok(replay !== undefined);

    await using expected = await loadExpected(platform.stores.databaseUrl, expectedReadings(path, replay));
    await eventually(async () => {
      const { stored, ...differences } = await expected.compare();
      assert.deepEqual(differences, { missing: 0, unexpected: 0, different: 0 });
      assert.equal(stored, summary.accepted);
    });

    const { originUs, epicentre } = loadTruth();
    const raised = frames.filter(({ kind }) => kind === 'raised');
    assert.ok(raised.length > 0, 'no alert was raised');
    for (const { subject, position, at_us } of raised) {
      assert.ok(position !== null && distanceM(position, epicentre) < FELT_WITHIN_M, `${subject} is far away`);
      const recordedUs = replay.origin_us + (at_us - replay.start_us) * replay.speed;
      assert.ok(recordedUs > originUs, `${subject} raised an alert before the quake`);
    }
  },
);
