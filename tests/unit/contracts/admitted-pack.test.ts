import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeAdmittedPack, parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { parseMetricName, type Reading } from '../../../core/telemetry/reading.ts';

const origin = { device: 'dev-1', key: 'thumbprint', nonce: 2 ** 53 - 1, createdUs: 1.8e15, receivedUs: 1.8e15 + 1 };

test('readings survive the log unchanged', () => {
  const reading = fc.record(
    {
      metric: fc.constantFrom('x', 'y', 'constructor').map((name) => parseMetricName(name)!),
      timeUs: fc.integer({ min: 0, max: 2e15 }),
      unit: fc.constant('m/s2'),
      value: fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => v + 0),
        fc.string(),
        fc.boolean(),
      ),
      sum: fc.option(fc.integer(), { nil: undefined }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 20 }), (readings: Reading[]) => {
      const pack = parseAdmittedPack(encodeAdmittedPack(origin, readings));
      assert.ok(pack !== undefined);
      const back = pack.metric.map((metric, index) => ({
        metric: pack.metrics[metric],
        timeUs: pack.time_us[index],
        unit: pack.units[metric],
        value: pack.value[index],
        sum: pack.sum?.[index] ?? undefined,
      }));
      assert.deepEqual(back, readings);
    }),
  );
});

test('an entry that is not one of ours is told apart, not thrown', () => {
  const good = encodeAdmittedPack(origin, [{ metric: parseMetricName('x')!, timeUs: 1, value: 1 }]);
  for (const bad of [
    '',
    '{}',
    'null',
    good.slice(1),
    good.replace('"metric":[0]', '"metric":[1]'),
    good.replace('"value":[1]', '"value":[]'),
  ]) {
    assert.equal(parseAdmittedPack(bad), undefined, bad);
  }
});
