import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { estimateOrigin } from '../../../../../core/detection/quorum/origin.ts';
import { distanceM } from '../../../../../core/geo/position.ts';
import { arrivalUs, FAST_M_S, SLOW_M_S, square, START_US, type Source } from './wave-triggers.ts';

const DEVICES = square(8, 7);
const OPTIONS = {
  wave: { fast_m_s: FAST_M_S, slow_m_s: SLOW_M_S, depths_m: [5000, 10_000, 15_000] },
  arrivalErrorS: 0.3,
  reachM: 60_000,
};

/** In the inner part of the network. */
const anySource = fc.record({
  lat: fc.double({ min: 47.12, max: 47.33, noNaN: true }),
  lon: fc.double({ min: 19.2, max: 19.5, noNaN: true }),
  timeUs: fc.constant(START_US),
});

/** @param count of the first arrivals, with errors of clock and onset of 0.1 s */
function estimateFrom(source: Source, count: number, errorsS: readonly number[]) {
  const arrivals = DEVICES.map((device, index) => ({
    ...device,
    timeUs: arrivalUs(source, device.position) + Math.round((errorsS[index % errorsS.length] ?? 0) * 1e6),
  })).sort((a, b) => a.timeUs - b.timeUs);
  const lastUs = arrivals[count - 1]?.timeUs ?? 0;
  const silences = arrivals.slice(count).map(({ position }) => ({ position, heardUntilUs: lastUs }));
  return estimateOrigin(arrivals.slice(0, count), silences, OPTIONS);
}

const errors = fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 12, maxLength: 12 });

for (const [count, withinM] of [
  [4, 9000],
  [8, 5000],
  [16, 4000],
] as const) {
  test(`${count} arrivals within a network tell the epicentre to ${withinM / 1000} km, and how sure that is`, () => {
    fc.assert(
      fc.property(anySource, errors, (source, errorsS) => {
        const origin = estimateFrom(source, count, errorsS);
        const offM = distanceM(origin.position, source);
        assert.ok(offM <= withinM, `${offM} m off, said to be ${origin.errorM} m`);
        assert.ok(offM <= 4 * origin.errorM, `${offM} m off, said to be ${origin.errorM} m`);
        assert.ok(Math.abs(origin.timeUs - source.timeUs) < 2e6, String(origin.timeUs - source.timeUs));
      }),
      { numRuns: 60 },
    );
  });
}

test('devices that are silent though the wave would have reached them speak against a place', () => {
  const line = DEVICES.slice(0, 8);
  const source: Source = { lat: 47.2, lon: line[4]?.position.lon ?? 0, timeUs: START_US };
  const arrivals = line.map((device) => ({ ...device, timeUs: arrivalUs(source, device.position) }));
  const lastUs = Math.max(...arrivals.map(({ timeUs }) => timeUs));
  const south = { lat: 46.8, lon: source.lon };
  const silences = [-0.2, -0.1, 0, 0.1, 0.2].map((east) => ({
    position: { lat: south.lat, lon: south.lon + east },
    heardUntilUs: lastUs + 10e6,
  }));
  const blind = estimateOrigin(arrivals, [], OPTIONS);
  const informed = estimateOrigin(arrivals, silences, OPTIONS);
  assert.ok(
    distanceM(informed.position, source) < distanceM(blind.position, source),
    'a line of devices cannot tell one side from the other',
  );
  assert.ok(distanceM(informed.position, source) < 12_000, String(distanceM(informed.position, source)));
});

test('one arrival has an origin near its device, and a large error', () => {
  const [device] = DEVICES;
  assert.ok(device !== undefined);
  const origin = estimateOrigin([{ position: device.position, timeUs: START_US }], [], OPTIONS);
  assert.ok(distanceM(origin.position, device.position) < origin.errorM);
  assert.ok(origin.errorM > 10_000 && origin.timeUs < START_US);
});

test('devices that all stand in one place, on the ground, have an origin there', () => {
  const position = { lat: 47, lon: 19 };
  const arrivals = Array.from({ length: 4 }, () => ({ position, timeUs: START_US }));
  const wave = { ...OPTIONS.wave, depths_m: [0] };
  const origin = estimateOrigin(arrivals, [{ position, heardUntilUs: START_US + 5e6 }], { ...OPTIONS, wave });
  assert.ok(distanceM(origin.position, position) < 20_000 && Number.isFinite(origin.errorM));
});

test('any arrivals have a finite origin', () => {
  const place = fc.record({
    lat: fc.double({ min: -89, max: 89, noNaN: true }),
    lon: fc.double({ min: -180, max: 180, noNaN: true }),
  });
  const heard = fc.tuple(place, fc.integer({ min: 0, max: 4e15 }));
  fc.assert(
    fc.property(
      fc.array(heard, { minLength: 1, maxLength: 20 }),
      fc.array(heard, { maxLength: 30 }),
      (arrivals, silent) => {
        const origin = estimateOrigin(
          arrivals.map(([position, timeUs]) => ({ position, timeUs })),
          silent.map(([position, heardUntilUs]) => ({ position, heardUntilUs })),
          OPTIONS,
        );
        const { position, timeUs, depthM, errorM } = origin;
        for (const value of [position.lat, position.lon, timeUs, depthM, errorM]) assert.ok(Number.isFinite(value));
      },
    ),
    { numRuns: 60 },
  );
});
