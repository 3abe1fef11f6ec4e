import { createAccelerationPack, type Sample } from '../pack.ts';
import type { DeviceClock } from './device-clock.ts';
import type { Outbox } from './outbox.ts';

/** An accelerometer: stamps what it measures with its own clock and hands it to its outbox. */
export class SimulatedDevice {
  readonly #id: string;
  readonly #clock: DeviceClock;
  readonly #outbox: Outbox;
  readonly #packReadings: number | undefined;

  constructor(id: string, clock: DeviceClock, outbox: Outbox, packReadings?: number) {
    this.#id = id;
    this.#clock = clock;
    this.#outbox = outbox;
    this.#packReadings = packReadings;
  }

  get unacknowledgedReadings(): number {
    return this.#outbox.unacknowledgedReadings;
  }

  report(samples: readonly Sample[]): void {
    const { offsetUs } = this.#clock;
    const stamped = samples.map((sample) => ({ ...sample, timeUs: sample.timeUs + offsetUs }));
    this.#outbox.post(createAccelerationPack(this.#id, stamped, this.#packReadings));
  }

  async idle(): Promise<void> {
    await this.#outbox.idle();
  }
}
