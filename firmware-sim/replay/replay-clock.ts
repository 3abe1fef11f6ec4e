import type { Sample } from '../pack.ts';
import type { RecordedSecond } from './recording.ts';

/** Beyond this the device's clock was wrong, or the record waited in its buffer: then the arrival says when it was sent. */
const TRUSTED_CLOCK_ERROR_S = 5;
const MS2_PER_GAL_DIVISOR = 100;

/** Unix seconds in the recording's time, when the device sent this record. */
export function clockOf({ device_t, cloud_t }: RecordedSecond): number {
  return Math.abs(device_t - cloud_t) <= TRUSTED_CLOCK_ERROR_S ? device_t : cloud_t;
}

export interface ReplayClockOptions {
  /** Unix seconds in the recording, which becomes `startUs`. */
  readonly originS: number;
  /** Unix microseconds. */
  readonly startUs: number;
  readonly speed: number;
}

/** Shifts the recording's time to now and compresses it by the speed. */
export class ReplayClock {
  readonly #originUs: number;
  readonly #startUs: number;
  readonly #speed: number;

  constructor({ originS, startUs, speed }: ReplayClockOptions) {
    this.#originUs = Math.round(originS * 1e6);
    this.#startUs = startUs;
    this.#speed = speed;
  }

  /** Unix milliseconds, when to send this record. */
  dueMs(record: RecordedSecond): number {
    return this.#shift(Math.round(clockOf(record) * 1e6)) / 1000;
  }

  samplesOf({ device_t, sr, x, y, z }: RecordedSecond): readonly Sample[] {
    const lastUs = Math.round(device_t * 1e6);
    return x.map((gal, index) => ({
      timeUs: this.#shift(lastUs - Math.round(((x.length - 1 - index) * 1e6) / sr)),
      acceleration: [toMs2(gal), toMs2(y[index] ?? 0), toMs2(z[index] ?? 0)],
    }));
  }

  #shift(recordedUs: number): number {
    return this.#startUs + Math.round((recordedUs - this.#originUs) / this.#speed);
  }
}

function toMs2(gal: number): number {
  return gal / MS2_PER_GAL_DIVISOR;
}
