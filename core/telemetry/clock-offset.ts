/** What one envelope says of the clock that stamped it. Unix microseconds. */
export interface ClockWitness {
  /** In whole seconds, by the device's clock. */
  readonly createdUs: number;
  /** By ours. */
  readonly receivedUs: number;
  /** The newest time among its readings, by the device's clock. */
  readonly newestReadingUs: number | undefined;
}

/** Samples of one device, oldest first, in milliseconds. */
export type ClockSamples = readonly number[];

/** How far a device's clock is behind ours; negative when it is ahead. */
export interface ClockOffset {
  readonly offsetMs: number;
  /** Of the samples that it is the median of. */
  readonly lowestMs: number;
  readonly highestMs: number;
}

/**
 * Half of them may be wrong in any way, and a clock that has been set shows after eight. More would take longer to notice
 * it; fewer are moved by one slow minute of the network.
 */
export const MAX_CLOCK_SAMPLES = 15;
/**
 * What is fresh over HTTP by default. Beyond it only an envelope that a gateway held gets in, and what passed in the
 * gateway is not the clock's error.
 */
const HELD_BEYOND_MS = 300_000;
const SECOND_US = 1e6;

/**
 * How far the clock seems to be behind: its error, and the way here, and what had passed of the second that `created` names.
 * The last two only ever add, up to the network's delay and one second; a reading that was taken within that second takes
 * most of the last one away. Undefined for what a gateway may have held.
 */
export function sampleClock({ createdUs, receivedUs, newestReadingUs = createdUs }: ClockWitness): number | undefined {
  const withinSecond = newestReadingUs > createdUs && newestReadingUs < createdUs + SECOND_US;
  const sampleMs = Math.round((receivedUs - (withinSecond ? newestReadingUs : createdUs)) / 1000);
  return sampleMs > HELD_BEYOND_MS ? undefined : sampleMs;
}

/** The newest samples, without those that they push out. */
export function addClockSample(samples: ClockSamples, sampleMs: number): ClockSamples {
  return [...samples, sampleMs].slice(-MAX_CLOCK_SAMPLES);
}

/** The median, the lower one of two: of two samples the smaller has less in it that is not the clock's. Undefined for none. */
export function estimateClockOffset(samples: ClockSamples): ClockOffset | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  const offsetMs = sorted[Math.floor((sorted.length - 1) / 2)];
  const lowestMs = sorted[0];
  const highestMs = sorted.at(-1);
  if (offsetMs === undefined || lowestMs === undefined || highestMs === undefined) return undefined;
  return { offsetMs, lowestMs, highestMs };
}
