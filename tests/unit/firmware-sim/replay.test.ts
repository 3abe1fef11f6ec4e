import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { placeReplayFleet } from '../../../firmware-sim/fleet/place-replay-fleet.ts';
import type { Sample } from '../../../firmware-sim/pack.ts';
import { readRecording } from '../../../firmware-sim/replay/recording.ts';
import { ReplaySource } from '../../../firmware-sim/replay/replay-source.ts';
import { surveyRecording } from '../../../firmware-sim/replay/survey-recording.ts';

const T0 = 1_580_339_699.55;
const second = (deviceId: string, deviceT: number, gal: number, cloudT = deviceT + 0.4) => ({
  ...{ device_id: deviceId, device_t: deviceT, cloud_t: cloudT, sr: 31.25 },
  ...{ x: [0.07, gal], y: [-0.04, 0], z: [1.13, -2.5] },
});

function record(context: TestContext, records: readonly unknown[], cut = 0): string {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-replay-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const zipped = gzipSync(records.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const path = join(folder, 'r.jsonl.gz');
  writeFileSync(path, zipped.subarray(0, zipped.length - cut));
  const positions = ['018', '017', '999'].map((id) => ({ device_id: id, latitude: 17, longitude: -100 }));
  writeFileSync(join(folder, 'devices.json'), JSON.stringify(positions));
  return path;
}

interface Reported {
  readonly id: string | undefined;
  readonly samples: readonly Sample[];
  readonly atMs: number;
}

async function replay(path: string, speed: number, startUs: number, durationS = 0): Promise<readonly Reported[]> {
  const survey = await surveyRecording(path);
  const recordedIds = [...survey.deviceIds].sort();
  const source = new ReplaySource({ path, survey, recordedIds, startUs, speed, durationS });
  const reported: Reported[] = [];
  await source.run(
    (index, samples) => reported.push({ id: recordedIds[index], samples, atMs: Date.now() }),
    new AbortController().signal,
  );
  return reported;
}

test('only the recorded devices make up the fleet, at their places', async (context) => {
  const path = record(context, [second('018', T0, 1), second('017', T0 + 1, 1)]);
  const survey = await surveyRecording(path);
  const fleet = placeReplayFleet(path, survey.deviceIds);
  assert.deepEqual(
    fleet.map(({ id, lat, lon }) => [id, lat, lon]),
    [
      ['openeew-017', 17, -100],
      ['openeew-018', 17, -100],
    ],
  );
  assert.equal(survey.records, 2);
});

test('a device without a position is an error that names it', async (context) => {
  const path = record(context, [second('555', T0, 1)]);
  const { deviceIds } = await surveyRecording(path);
  assert.throws(() => placeReplayFleet(path, deviceIds), /555/);
});

test('gal become m/s2 by a plain division, and sample times count back from the last one', async (context) => {
  const startUs = 1_734_567_890_123_456;
  const [first] = await replay(record(context, [second('018', T0, 12.34)]), 1, startUs);
  assert.deepEqual(first?.samples, [
    { timeUs: startUs - 32_000, acceleration: [0.07 / 100, -0.04 / 100, 1.13 / 100] },
    { timeUs: startUs, acceleration: [12.34 / 100, 0, -0.025] },
  ]);
});

test('time runs faster by the speed, for sending and for the readings', async (context) => {
  const startUs = Date.now() * 1000;
  const path = record(context, [second('018', T0, 1), second('017', T0 + 1, 2), second('018', T0 + 4, 3)]);
  const reported = await replay(path, 20, startUs);
  assert.deepEqual(
    reported.map(({ id, samples }) => [id, (samples.at(-1)?.timeUs ?? 0) - startUs]),
    [
      ['018', 0],
      ['017', 50_000],
      ['018', 200_000],
    ],
  );
  for (const { samples, atMs } of reported) assert.ok(atMs * 1000 >= (samples.at(-1)?.timeUs ?? 0));
  assert.equal((reported[0]?.samples[1]?.timeUs ?? 0) - (reported[0]?.samples[0]?.timeUs ?? 0), 1600);
});

test('a device with a wrong clock is not waited for, and its readings keep its time', async (context) => {
  const startUs = Date.now() * 1000;
  const path = record(context, [second('018', T0, 1), second('017', T0 + 3600, 2, T0 + 0.5), second('018', T0 + 1, 3)]);
  const reported = await replay(path, 20, startUs);
  assert.equal(reported.length, 3);
  assert.ok(reported.at(-1)!.atMs - startUs / 1000 < 2000);
  assert.equal((reported[1]?.samples.at(-1)?.timeUs ?? 0) - startUs, 180_000_000);
});

test('a replay with a duration ends at it', async (context) => {
  const path = record(context, [second('018', T0, 1), second('018', T0 + 10, 2)]);
  assert.equal((await replay(path, 1, Date.now() * 1000, 1)).length, 1);
});

test('a recording that is cut off or holds something else is an error, not an end', async (context) => {
  await assert.rejects(surveyRecording(record(context, [second('018', T0, 1)], 12)), /cannot be read to its end/);
  await assert.rejects(surveyRecording(record(context, [{ device_id: '018' }])), /:1 is not a record/);
  await assert.rejects(surveyRecording(record(context, [])), /no records/);
  await assert.rejects(surveyRecording('/nonexistent.jsonl.gz'), /ENOENT/);
});

test('reading may stop early', async (context) => {
  const path = record(
    context,
    Array.from({ length: 2000 }, (_, i) => second('018', T0 + i, i)),
  );
  let count = 0;
  for await (const _ of readRecording(path)) {
    count += 1;
    if (count === 3) break;
  }
  assert.equal(count, 3);
});
