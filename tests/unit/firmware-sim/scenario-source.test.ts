import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeScenarioFleet } from '../../../firmware-sim/fleet/place-scenario-fleet.ts';
import { liarSites } from '../../../firmware-sim/scenarios/field/liars.ts';
import { createCalm } from '../../../firmware-sim/scenarios/calm.ts';
import { ScenarioSource, type Conditions } from '../../../firmware-sim/scenarios/scenario-source.ts';

const SITES = [0, 1, 2].map((index) => ({ index, position: { lat: 47 + index / 100, lon: 19 } }));

interface Reported {
  readonly index: number;
  readonly timesMs: readonly number[];
  readonly atMs: number;
}

/** Half a second of ten packs a second. */
async function reportsOf(startMs: number, conditions?: Conditions): Promise<readonly Reported[]> {
  const source = new ScenarioSource({
    scenario: createCalm(1),
    sites: SITES,
    startUs: startMs * 1000,
    rate: 10,
    samplesPerPack: 2,
    durationS: 0.5,
    ...(conditions !== undefined && { conditions }),
  });
  const reports: Reported[] = [];
  await source.run((index, samples) => {
    reports.push({ index, timesMs: samples.map(({ timeUs }) => timeUs / 1000), atMs: Date.now() });
  }, new AbortController().signal);
  return reports;
}

test('without conditions each device reports at once, by a clock that is right', async () => {
  const reports = await reportsOf(Date.now());
  assert.equal(reports.length, 15);
  for (const { timesMs, atMs } of reports) assert.ok((timesMs.at(-1) ?? Infinity) <= atMs + 1);
});

test('a clock is ahead by its error, a pack comes when its network lets it, and what is lost never does', async () => {
  const startMs = Date.now();
  const reports = await reportsOf(startMs, {
    sensorAt: (index) => ({ clockErrorUs: index === 0 ? 5_000_000 : 0 }),
    arrivalUs: (index, measuredUs) => {
      if (index === 1) return undefined;
      return index === 2 ? startMs * 1000 + 900_000 : measuredUs;
    },
  });
  assert.deepEqual(
    [0, 1, 2].map((index) => reports.filter((report) => report.index === index).length),
    [5, 0, 5],
  );
  for (const { index, timesMs, atMs } of reports) {
    if (index === 0) assert.ok((timesMs.at(-1) ?? 0) > atMs + 3000);
    else assert.ok(atMs >= startMs + 899, `${atMs - startMs} ms`);
  }
});

test('a run that is stopped reports what its network still held', async () => {
  const stop = new AbortController();
  const source = new ScenarioSource({
    scenario: createCalm(1),
    conditions: { sensorAt: () => ({ clockErrorUs: 0 }), arrivalUs: (_, measuredUs) => measuredUs + 60e6 },
    ...{ sites: SITES, startUs: Date.now() * 1000, rate: 10, samplesPerPack: 2, durationS: 0 },
  });
  let reported = 0;
  const running = source.run(() => (reported += 1), stop.signal);
  setTimeout(() => stop.abort(), 300);
  await running;
  assert.ok(reported > 3, String(reported));
});

test('ten lying devices are others than those that stand there else, of one owner', () => {
  const honest = placeScenarioFleet(60, 3);
  const liars = placeScenarioFleet(60, 3, liarSites(3, 60));
  const lying = liars.filter(({ owner }) => owner === 'sim-liar');
  assert.equal(lying.length, 10);
  for (const { id } of lying) assert.ok(honest.every((device) => device.id !== id));
  assert.deepEqual(
    liars.map(({ lat, lon, site }) => [lat, lon, site]),
    honest.map(({ lat, lon, site }) => [lat, lon, site]),
  );
  assert.equal(liarSites(1, 4).size, 4, 'a small fleet lies as a whole');
});
