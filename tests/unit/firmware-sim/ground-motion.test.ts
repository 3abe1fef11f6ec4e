import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hypocentralDistanceKm, peakAccelerationMs2 } from '../../../firmware-sim/ground-motion/attenuation.ts';
import { noiseAt } from '../../../firmware-sim/ground-motion/noise.ts';
import { QuakeSchedule } from '../../../firmware-sim/ground-motion/quake-schedule.ts';
import {
  arrivalMs,
  P_SPEED_KM_S,
  S_SPEED_KM_S,
  shakingAt,
  type Site,
} from '../../../firmware-sim/ground-motion/shaking.ts';
import { placeScenarioFleet } from '../../../firmware-sim/fleet/place-scenario-fleet.ts';
import { createQuakes } from '../../../firmware-sim/scenarios/quake.ts';

const quake = { originMs: 1_734_567_890_000, lat: 16.85, lon: -99.88, depthKm: 10, magnitude: 5.5, seed: 7 };
const siteAt = (index: number, northKm: number): Site => ({
  index,
  position: { lat: 16.85 + northKm / 111.2, lon: -99.88 },
});

function peakBetween(site: Site, fromMs: number, toMs: number): number {
  let peak = 0;
  for (let ms = fromMs; ms < toMs; ms += 10) {
    peak = Math.max(peak, ...shakingAt(site, quake, ms * 1000).map(Math.abs));
  }
  return peak;
}

test('the waves need the straight distance to the hypocentre over their speed', () => {
  const site = siteAt(0, 30);
  const distanceKm = Math.hypot(30, 10);
  assert.ok(Math.abs(hypocentralDistanceKm(site.position, quake) - distanceKm) < 0.1);
  assert.equal(arrivalMs(42, quake, P_SPEED_KM_S) - quake.originMs, 7000);
  assert.equal(arrivalMs(42, quake, S_SPEED_KM_S) - quake.originMs, 12_000);
});

test('nothing moves before the P wave, little before the S wave, everything after it', () => {
  const site = siteAt(0, 20);
  const distanceKm = hypocentralDistanceKm(site.position, quake);
  const [pMs, sMs] = [arrivalMs(distanceKm, quake, P_SPEED_KM_S), arrivalMs(distanceKm, quake, S_SPEED_KM_S)];
  assert.equal(peakBetween(site, quake.originMs - 5000, pMs), 0);
  const p = peakBetween(site, pMs + 1, sMs);
  const s = peakBetween(site, sMs, sMs + 10_000);
  assert.ok(p > 0 && p < 0.3 * s, `P ${p}, S ${s}`);
});

test('the shaking dies away', () => {
  const site = siteAt(0, 20);
  assert.ok(peakBetween(site, quake.originMs + 60_000, quake.originMs + 61_000) < 0.005);
});

test('the farther and the smaller, the weaker', () => {
  for (let km = 1; km < 200; km += 1) assert.ok(peakAccelerationMs2(5.5, km) > peakAccelerationMs2(5.5, km + 1));
  assert.ok(peakAccelerationMs2(6, 20) > peakAccelerationMs2(5.5, 20));
});

test('a quake of the scenario brings many devices above 0.3 m/s2 and near ones above 0.5, as sampled', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const sites = placeScenarioFleet(50, seed).map(({ lat, lon }, index) => ({ index, position: { lat, lon } }));
    const options = { seed, firstMs: 1_734_567_890_000, everyMs: 0, sites: sites.map(({ position }) => position) };
    const scenario = createQuakes(options);
    const peaks = sites.map((site) => {
      const samples = Array.from({ length: 400 }, (_, i) => options.firstMs * 1000 + i * 100_000);
      return Math.max(...samples.flatMap((timeUs) => scenario.accelerationAt(site, timeUs).map(Math.abs)));
    });
    assert.ok(peaks.filter((peak) => peak > 0.3).length >= 5, `seed ${seed}: ${peaks.join(' ')}`);
    assert.ok(peaks.some((peak) => peak > 0.5));
  }
});

test('the noise is the same for the same seed, and about 0.005 m/s2', () => {
  const values = Array.from({ length: 3000 }, (_, i) => noiseAt(1, 4, 1_734_567_890_000_000 + i * 100_000)).flat();
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  assert.ok(rms > 0.0045 && rms < 0.0055, String(rms));
  assert.deepEqual(noiseAt(1, 4, 1_734_567_890_000_000), noiseAt(1, 4, 1_734_567_890_000_000));
  assert.notDeepEqual(noiseAt(2, 4, 1_734_567_890_000_000), noiseAt(1, 4, 1_734_567_890_000_000));
});

test('quakes come at their times, one or again and again', () => {
  const sites = [{ lat: 16.85, lon: -99.88 }];
  const many = new QuakeSchedule({ seed: 1, firstMs: 1_000_000, everyMs: 60_000, sites });
  assert.deepEqual(
    many.until(1_000_000 + 125_000).map(({ originMs }) => originMs),
    [1_000_000, 1_060_000, 1_120_000],
  );
  assert.deepEqual(many.shakingAt(999_999), []);
  assert.equal(many.shakingAt(1_000_000 + 601_000).length, 2);
  const once = new QuakeSchedule({ seed: 1, firstMs: 1_000_000, everyMs: 0, sites });
  assert.equal(once.until(1e12).length, 1);
  assert.equal(once.shakingAt(1e12).length, 0);
});
