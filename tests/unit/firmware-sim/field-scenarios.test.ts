import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createFieldScenario,
  FIELD_KINDS,
  type FieldKind,
  type FieldScenario,
} from '../../../firmware-sim/scenarios/field/field-scenario.ts';
import { fieldSites } from '../../../scripts/bench/detection/field-network.ts';

const START_US = 1_700_000_000e6;
const DURATION_S = 48;
const SAMPLE_US = 20_000;

function create(kind: FieldKind, seed = 1): FieldScenario {
  const options = { seed, sites: fieldSites(seed), startUs: START_US, durationS: DURATION_S, sampleUs: SAMPLE_US };
  return createFieldScenario(kind, options);
}

/** Largest magnitude at a site from one second to another. */
function peakAt(scenario: FieldScenario, index: number, fromS: number, toS: number, seed = 1): number {
  const site = fieldSites(seed)[index];
  assert.ok(site !== undefined);
  let peak = 0;
  for (let us = fromS * 1e6; us < toS * 1e6; us += SAMPLE_US) {
    peak = Math.max(peak, Math.hypot(...scenario.accelerationAt(site, START_US + us)));
  }
  return peak;
}

for (const kind of FIELD_KINDS) {
  test(`${kind} is the same for the same seed, and its truth is inside the network and in its time`, () => {
    const [one, other] = [create(kind), create(kind)];
    const site = fieldSites(1)[7];
    assert.ok(site !== undefined);
    for (let s = 0; s < DURATION_S; s += 0.7) {
      assert.deepEqual(one.accelerationAt(site, START_US + s * 1e6), other.accelerationAt(site, START_US + s * 1e6));
      assert.equal(one.arrivalUs(7, START_US + s * 1e6), other.arrivalUs(7, START_US + s * 1e6));
    }
    assert.equal(one.quakes.length, kind === 'two-quakes' ? 2 : kind.startsWith('quake') ? 1 : 0);
    for (const { originMs, lat, lon } of one.quakes) {
      const afterS = (originMs * 1000 - START_US) / 1e6;
      assert.ok(afterS > 15 && afterS < 25 && lat > 47 && lat < 47.5 && lon > 19 && lon < 19.7);
    }
  });
}

test('a quake shakes everybody, a truck one device, and thunder those around one after the other', () => {
  const shaken = (scenario: FieldScenario, limitMs2: number) =>
    Array.from({ length: 60 }, (_, index) => index).filter(
      (index) => peakAt(scenario, index, 0, DURATION_S) > limitMs2,
    );
  const quiet = shaken(create('quiet'), 0.15);
  assert.deepEqual(quiet, []);
  assert.ok(shaken(create('quake'), 0.15).length > 20);
  const trucks = shaken(create('traffic'), 0.04);
  assert.ok(trucks.length > 5 && trucks.length < 40, String(trucks.length));
  assert.ok(shaken(create('thunderstorm'), 0.15).length > 10);
});

test('a great earthquake far away is slow and weak', () => {
  const far = create('teleseism');
  assert.ok(peakAt(far, 3, 20, 48) < 0.1 && peakAt(far, 3, 20, 48) > 0.01);
});

test('ten devices of one owner tell of a quake that nobody else feels', () => {
  const scenario = create('liars');
  const owners = Array.from({ length: 60 }, (_, index) => scenario.ownerAt(index));
  const liars = owners.flatMap((owner, index) => (owner === 'liar' ? [index] : []));
  assert.equal(liars.length, 10);
  assert.equal(new Set(owners).size, 51);
  for (const index of liars) assert.ok(peakAt(scenario, index, 10, 40) > 0.3);
  assert.ok(peakAt(scenario, (liars.at(-1) ?? 0) + 1, 10, 40) < 0.15);
});

test('clocks, networks and sensors are as bad as a scenario says, and no worse', () => {
  const all = (value: (index: number) => number) => Array.from({ length: 60 }, (_, index) => value(index));
  const errors = (kind: FieldKind) => all((index) => Math.abs(create(kind).sensorAt(index).clockErrorUs));
  assert.ok(Math.max(...errors('quake')) <= 100_000);
  assert.ok(Math.max(...errors('quake-with-bad-clocks')) > 1_500_000);
  assert.ok(Math.max(...errors('quake-with-bad-clocks')) <= 2_000_000);
  const delays = (kind: FieldKind) =>
    all((index) => (create(kind).arrivalUs(index, START_US + 5e6) ?? 0) - START_US - 5e6);
  assert.ok(Math.max(...delays('quake')) <= 120_000 && Math.min(...delays('quake')) >= 30_000);
  assert.ok(Math.max(...delays('slow-network')) > 500_000);
  const lost = all((index) => (create('quake-with-dropouts').arrivalUs(index, START_US + 5e6) === undefined ? 1 : 0));
  const count = lost.reduce((sum, one) => sum + one, 0);
  assert.ok(count >= 10 && count < 30, String(count));
  assert.ok(all((index) => create('quiet').sensorAt(index).gain).every((gain) => gain >= 0.9 && gain <= 1.1));
});

test('after an outage what was kept comes at once', () => {
  const scenario = create('reconnect');
  const arrivals = [17, 19, 21, 23, 25].map((s) => ((scenario.arrivalUs(1, START_US + s * 1e6) ?? 0) - START_US) / 1e6);
  assert.equal(new Set(arrivals).size, 1);
  assert.ok((arrivals[0] ?? 0) >= 26 && (arrivals[0] ?? 0) <= 28);
});
