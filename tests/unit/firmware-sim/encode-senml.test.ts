import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDeviceId } from '../../../core/identity/ids.ts';
import { parsePack } from '../../../core/telemetry/senml-pack.ts';
import { encodeSenml } from '../../../firmware-sim/envelope/encode-senml.ts';
import { createAccelerationPack } from '../../../firmware-sim/pack.ts';
import { hasDuplicateMember } from '../../../core/telemetry/json-members.ts';

const deviceId = parseDeviceId('openeew-018')!;
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const samples = fc.uniqueArray(
  fc.record({
    timeUs: fc.integer({ min: 1_500_000_000_000_000, max: 2_100_000_000_000_000 }),
    acceleration: fc.tuple(finite, finite, finite),
  }),
  { minLength: 1, maxLength: 40, selector: ({ timeUs }) => timeUs },
);

test('the server reads exactly the microseconds and values that the ledger notes', () => {
  fc.assert(
    fc.property(samples, (measured) => {
      const pack = createAccelerationPack(deviceId, measured);
      const json = Buffer.from(encodeSenml(pack)).toString();
      assert.equal(hasDuplicateMember(json), false);
      const context = { deviceId, createdUs: pack.readings[0]?.[1] ?? 0, maxAgeUs: 1e15, maxAheadUs: 1e15 };
      const parsed = parsePack(JSON.parse(json), context);
      assert.ok(parsed.ok);
      const ledger: unknown = JSON.parse(JSON.stringify(pack.readings));
      assert.deepEqual(
        parsed.value.map(({ metric, timeUs, value }) => [pack.metrics.indexOf(metric), timeUs, value]),
        ledger,
      );
      assert.ok(parsed.value.every(({ unit }) => unit === 'm/s2'));
    }),
  );
});
