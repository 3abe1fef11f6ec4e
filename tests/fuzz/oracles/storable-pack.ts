import assert from 'node:assert/strict';
import { encodeAdmittedPack, parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { parseDeviceId } from '../../../core/identity/ids.ts';
import type { Reading } from '../../../core/telemetry/reading.ts';
import { MAX_RECORDS, parsePack, type PackContext } from '../../../core/telemetry/senml-pack.ts';
import { primaryUnitOf } from '../../../core/telemetry/units.ts';

const DEVICE = 'urn:dev:mac:0024befffe804ff1';
const deviceId = parseDeviceId(DEVICE);
assert.ok(deviceId);

/** Of the vectors, with the limits that ingest has when nobody sets others. */
export const PACK_CONTEXT: PackContext = {
  deviceId,
  createdUs: 1_734_567_891e6,
  maxAgeUs: 604_800e6,
  maxAheadUs: 30e6,
};
const ORIGIN = {
  device: DEVICE,
  key: 'k'.repeat(43),
  nonce: 7,
  createdUs: PACK_CONTEXT.createdUs,
  receivedUs: PACK_CONTEXT.createdUs,
};

/** Reads it as a pack: either a few errors that point into it, or readings that can be stored as they are. */
export function assertReadable(json: unknown): void {
  const parsed = parsePack(json, PACK_CONTEXT);
  if (!parsed.ok) {
    assert.ok(parsed.error.length > 0 && parsed.error.length <= 16, 'no error, or too many');
    for (const { pointer, detail } of parsed.error) {
      assert.match(pointer, /^(\/([^~]|~[01])*)?$/);
      assert.notEqual(detail, '');
    }
    return;
  }
  assert.ok(parsed.value.length > 0 && parsed.value.length <= MAX_RECORDS);
  for (const reading of parsed.value) assertStorable(reading);
  assertDistinct(parsed.value);
  assertSurvivesTheLog(parsed.value);
}

function assertStorable({ metric, timeUs, unit, value, sum }: Reading): void {
  assert.match(metric, /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
  const { createdUs, maxAgeUs, maxAheadUs } = PACK_CONTEXT;
  assert.ok(Number.isSafeInteger(timeUs) && timeUs >= createdUs - maxAgeUs && timeUs <= createdUs + maxAheadUs, 'time');
  if (unit !== undefined) assert.equal(primaryUnitOf(unit)?.unit, unit);
  assert.ok(value !== undefined || sum !== undefined, 'neither a value nor a sum');
  for (const number of [value, sum]) if (typeof number === 'number') assert.ok(Number.isFinite(number), 'not finite');
  if (typeof value === 'string') {
    assert.ok(
      Buffer.from(value).toString() === value && !value.includes('\0') && value.length <= 4096,
      'text that cannot be stored',
    );
  }
}

function assertDistinct(readings: readonly Reading[]): void {
  const distinct = new Set(readings.map(({ metric, timeUs }) => `${metric} ${timeUs}`));
  assert.equal(distinct.size, readings.length, 'one metric twice at one time');
  const units = new Set(readings.map(({ metric, unit }) => `${metric} ${unit ?? ''}`));
  assert.equal(units.size, new Set(readings.map(({ metric }) => metric)).size, 'one metric in two units');
}

/** What persist and detect read is what was admitted. */
function assertSurvivesTheLog(readings: readonly Reading[]): void {
  const pack = parseAdmittedPack(encodeAdmittedPack(ORIGIN, readings));
  assert.ok(pack, 'an entry that cannot be read again');
  const read = pack.time_us.map((timeUs, index) => {
    const metric = pack.metric[index] ?? -1;
    return [pack.metrics[metric], timeUs, pack.units[metric], pack.value[index], pack.sum?.[index] ?? null];
  });
  const written = readings.map(({ metric, timeUs, unit, value, sum }) => [
    metric,
    timeUs,
    unit ?? null,
    plain(value),
    plain(sum),
  ]);
  assert.deepEqual(read, written);
}

/** JSON has no -0. */
function plain(value: Reading['value']): string | number | boolean | null {
  return Object.is(value, -0) ? 0 : (value ?? null);
}
