import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addClockSample,
  estimateClockOffset,
  MAX_CLOCK_SAMPLES,
  sampleClock,
  type ClockSamples,
} from '../../../../core/telemetry/clock-offset.ts';

const NOW_US = 1_795_250_000_123_456;
const SECOND_US = 1e6;

interface Sending {
  /** When the device signs, by our clock. */
  readonly atUs: number;
  readonly delayUs: number;
  /** Before it signs; undefined when it has no reading of its own time. */
  readonly readingAgeUs: number | undefined;
}

/** What ingest sees of a device whose clock is behind by so much. */
function witness(behindUs: number, { atUs, delayUs, readingAgeUs }: Sending) {
  const clockUs = atUs - behindUs;
  return {
    createdUs: Math.floor(clockUs / SECOND_US) * SECOND_US,
    receivedUs: atUs + delayUs,
    newestReadingUs: readingAgeUs === undefined ? undefined : clockUs - readingAgeUs,
  };
}

function collect(samples: Iterable<number | undefined>): ClockSamples {
  let window: ClockSamples = [];
  for (const sample of samples) if (sample !== undefined) window = addClockSample(window, sample);
  return window;
}

function estimate(samples: ClockSamples) {
  const offset = estimateClockOffset(samples);
  assert.ok(offset !== undefined);
  return offset;
}

const MAX_DELAY_US = 2e6;
/** Of a sample to its millisecond. Whole microseconds throughout: a sum of fractions is off by more than nothing. */
const ROUNDING_US = 500;
const sending = fc.record({
  atUs: fc.integer({ min: NOW_US, max: NOW_US + 3600e6 }),
  delayUs: fc.integer({ min: 0, max: MAX_DELAY_US }),
  readingAgeUs: fc.option(fc.integer({ min: 0, max: 5e6 }), { nil: undefined }),
});
const behindUs = fc.integer({ min: -30e6, max: 290e6 });
const sampleMs = fc.integer({ min: -60_000, max: 300_000 });
const honestMs = fc.integer({ min: 20_000, max: 21_500 });
const window = fc.array(sampleMs, { minLength: 1, maxLength: MAX_CLOCK_SAMPLES });

test('the offset is the error of the clock and at most the delay and one second more, and never less', () => {
  fc.assert(
    fc.property(behindUs, fc.array(sending, { minLength: 1, maxLength: 40 }), (behind, sendings) => {
      const { offsetMs, lowestMs, highestMs } = estimate(
        collect(sendings.map((one) => sampleClock(witness(behind, one)))),
      );
      const errorUs = offsetMs * 1000 - behind;
      assert.ok(errorUs >= -ROUNDING_US, `${errorUs} us`);
      assert.ok(errorUs < MAX_DELAY_US + 1e6 + ROUNDING_US, `${errorUs} us`);
      assert.ok(lowestMs <= offsetMs && offsetMs <= highestMs);
    }),
  );
});

test('a reading that was taken just before the envelope was signed leaves its age in place of up to a second', () => {
  fc.assert(
    fc.property(behindUs, sending, (behind, one) => {
      const seen = witness(behind, { ...one, readingAgeUs: 5000 });
      const sample = sampleClock(seen);
      assert.ok(sample !== undefined);
      const errorUs = sample * 1000 - behind - one.delayUs;
      // Where the second began after the reading, created is the newer one.
      assert.ok(errorUs >= -ROUNDING_US && errorUs <= 5000 + ROUNDING_US, `${errorUs} us`);
    }),
  );
});

test('fewer than half of the samples cannot move the offset out of what the others say, however wrong they are', () => {
  const mixed = fc
    .integer({ min: 0, max: (MAX_CLOCK_SAMPLES - 1) / 2 })
    .chain((count) =>
      fc.record({
        honest: fc.array(honestMs, { minLength: MAX_CLOCK_SAMPLES - count, maxLength: MAX_CLOCK_SAMPLES - count }),
        wrong: fc.array(sampleMs, { minLength: count, maxLength: count }),
      }),
    )
    .chain(({ honest, wrong }) =>
      fc.record({
        honest: fc.constant(honest),
        shuffled: fc.shuffledSubarray([...honest, ...wrong], { minLength: MAX_CLOCK_SAMPLES }),
      }),
    );
  fc.assert(
    fc.property(mixed, ({ honest, shuffled }) => {
      const { offsetMs } = estimate(collect(shuffled));
      assert.ok(offsetMs >= Math.min(...honest) && offsetMs <= Math.max(...honest), String(offsetMs));
    }),
  );
});

test('what a gateway may have held is no sample, and a clock that is ahead always is', () => {
  const receivedUs = NOW_US;
  const sample = (behindS: number) =>
    sampleClock({ createdUs: receivedUs - behindS * SECOND_US, receivedUs, newestReadingUs: undefined });
  assert.equal(sample(300), 300_000);
  assert.equal(sample(300.001), undefined);
  assert.equal(sample(86_400), undefined);
  assert.equal(sample(-30), -30_000);
});

test('readings of another second than created say nothing about the clock', () => {
  const createdUs = 1_795_250_000e6;
  const receivedUs = createdUs + 700_000;
  for (const newestReadingUs of [undefined, createdUs - 1, createdUs, createdUs + SECOND_US, createdUs + 30e6]) {
    assert.equal(sampleClock({ createdUs, receivedUs, newestReadingUs }), 700);
  }
  assert.equal(sampleClock({ createdUs, receivedUs, newestReadingUs: createdUs + 600_000 }), 100);
});

test('a clock that is set again is believed after eight samples, and the old error is forgotten after fifteen', () => {
  fc.assert(
    fc.property(window, sampleMs, (before, now) => {
      let samples = collect(before);
      for (let count = 1; count <= MAX_CLOCK_SAMPLES; count += 1) {
        samples = addClockSample(samples, now);
        const { offsetMs, lowestMs, highestMs } = estimate(samples);
        if (count >= 8) assert.equal(offsetMs, now);
        if (count === MAX_CLOCK_SAMPLES) assert.deepEqual([lowestMs, highestMs], [now, now]);
      }
    }),
  );
});

test('the order of the samples does not matter, and moving all of them moves the offset', () => {
  fc.assert(
    fc.property(window, fc.integer({ min: -1e6, max: 1e6 }), (samples, shift) => {
      const offset = estimate(samples);
      assert.deepEqual(estimate([...samples].reverse()), offset);
      assert.equal(estimate(samples.map((sample) => sample + shift)).offsetMs, offset.offsetMs + shift);
    }),
  );
});

test('a sample that is delivered again keeps the offset within the samples', () => {
  fc.assert(
    fc.property(window, fc.nat(), (samples, which) => {
      const again = samples[which % samples.length] ?? 0;
      const { offsetMs, lowestMs, highestMs } = estimate(addClockSample(samples, again));
      assert.ok(samples.includes(offsetMs) && samples.includes(lowestMs) && samples.includes(highestMs));
    }),
  );
  assert.equal(estimateClockOffset([]), undefined);
});
