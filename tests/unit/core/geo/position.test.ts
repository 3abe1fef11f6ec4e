import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distanceM } from '../../../../core/geo/position.ts';

test('distances agree with published ones', () => {
  const acapulco = { lat: 16.8531, lon: -99.8237 };
  const mexicoCity = { lat: 19.4326, lon: -99.1332 };
  assert.ok(Math.abs(distanceM(acapulco, mexicoCity) - 296_000) < 3000);
  assert.equal(distanceM(acapulco, acapulco), 0);
  assert.ok(Math.abs(distanceM({ lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 }) - 111_195) < 10);
});
