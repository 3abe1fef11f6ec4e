import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeAdmittedPack, parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { positionsOf, type ReportedPosition } from '../../../contracts/pack-positions.ts';
import { parseDeviceId } from '../../../core/identity/ids.ts';
import type { Reading } from '../../../core/telemetry/reading.ts';
import { parsePack } from '../../../core/telemetry/senml-pack.ts';
import { metricName } from '../../support/admitted-packs.ts';

const CREATED_S = 1_734_567_891;
const CREATED_US = CREATED_S * 1e6;
const origin = { device: 'dev-1', key: 'thumbprint', nonce: 1, createdUs: CREATED_US, receivedUs: CREATED_US };

function positionsOfReadings(readings: readonly Reading[]): readonly ReportedPosition[] {
  const pack = parseAdmittedPack(encodeAdmittedPack(origin, readings));
  assert.ok(pack !== undefined);
  return positionsOf(pack);
}

function positionsOfRecords(records: unknown): readonly ReportedPosition[] {
  const parsed = parsePack(records, {
    deviceId: parseDeviceId('dev-1')!,
    createdUs: CREATED_US,
    maxAgeUs: 604_800e6,
    maxAheadUs: 30e6,
  });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return positionsOfReadings(parsed.value);
}

/** Sums with created are whole microseconds; -0 is 0 in JSON. */
const degrees = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true }).map((value) => value + 0);
const position = fc.record({
  offsetUs: fc.integer({ min: -1e9, max: 3e7 }),
  lat: degrees(90),
  lon: degrees(180),
  altM: fc.option(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0),
    { nil: undefined },
  ),
});
const distinct = { minLength: 1, maxLength: 20, selector: ({ offsetUs }: { offsetUs: number }) => offsetUs };

test('whatever positions a device reports, in whatever order its records stand, come out of the log as they were', () => {
  const packs = fc.uniqueArray(position, distinct).chain((positions) => {
    const records = positions.flatMap(({ offsetUs, lat, lon, altM }) => {
      const t = offsetUs / 1e6;
      return [
        { n: 'where-n', u: 'lat', v: lat, t },
        { n: 'where-e', u: 'lon', v: lon, t },
        { n: 'pga', u: 'm/s2', v: 1, t },
        ...(altM === undefined ? [] : [{ n: 'alt', u: 'm', v: altM, t }]),
      ];
    });
    const shuffled = fc.shuffledSubarray(records, { minLength: records.length });
    return fc.record({ positions: fc.constant(positions), records: shuffled });
  });
  fc.assert(
    fc.property(packs, ({ positions, records }) => {
      const byTime = (a: ReportedPosition, b: ReportedPosition) => a.timeUs - b.timeUs;
      assert.deepEqual(
        [...positionsOfRecords(records)].sort(byTime),
        positions.map(({ offsetUs, ...rest }) => ({ timeUs: CREATED_US + offsetUs, ...rest })).sort(byTime),
      );
    }),
  );
});

test('altitude is a length by the name of alt, in any unit of length, at the time of the position', () => {
  const at = (...others: unknown[]) =>
    positionsOfRecords([{ n: 'lat', u: 'lat', v: 1 }, { n: 'lon', u: 'lon', v: 2 }, ...others])[0]?.altM;
  assert.equal(at({ n: 'alt', u: 'm', v: -12.5 }), -12.5);
  assert.equal(at({ n: 'alt', u: 'km', v: 2 }), 2000);
  assert.equal(at({ n: 'alt', u: 'm', v: 5, t: -1 }), undefined);
  assert.equal(at({ n: 'alt', u: 'Pa', v: 5 }), undefined);
  assert.equal(at({ n: 'alt', v: 5 }), undefined);
  assert.equal(at({ n: 'depth', u: 'm', v: 5 }), undefined);
  assert.equal(at({ n: 'alt', u: 'm', vs: 'high' }), undefined);
  assert.deepEqual(positionsOfRecords([{ n: 'alt', u: 'm', v: 5 }]), []);
});

test('what an older version let into the log and is no position is passed over', () => {
  const one = (unit: string, value: Reading['value'], timeUs: number, metric = unit): Reading => {
    return { metric: metricName(metric), unit, value, timeUs };
  };
  const readings = [
    one('lat', 91, 1),
    one('lon', 1, 1),
    one('lat', 1, 2),
    one('lon', -180.000001, 2),
    one('lat', 1, 3),
    one('lon', 1, 4),
    one('lat', '47', 5),
    one('lon', 19, 5),
    one('lat', 47, 6),
    one('lon', 19, 6),
    one('lat', 48, 6, 'lat-2'),
  ];
  assert.deepEqual(positionsOfReadings(readings), [{ timeUs: 6, lat: 47, lon: 19, altM: undefined }]);
});
