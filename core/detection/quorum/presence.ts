import { SpatialIndex } from '../../geo/spatial-index.ts';
import type { Position } from '../../geo/position.ts';
import type { Listener, Network } from './trigger.ts';

type PlacedDevice = Omit<Listener, 'heardUntilUs'>;

interface Heard {
  /** Of the newest reading, by the device's clock. */
  readonly untilUs: number;
  /** When the newest pack came, by the platform's clock. */
  readonly atUs: number;
  /** Moving mean of the time between two packs; undefined after the first. */
  readonly periodUs: number | undefined;
}

/** A device that has been heard of once is online this long. */
const FIRST_PERIOD_US = 20_000_000;
/** A device that misses this many of its packs is not online. */
const PERIODS = 3;
/** Of a new gap in the mean. */
const NEW_SHARE = 1 / 8;

/** Which devices are online, and until when they have been heard. */
export class Presence {
  readonly #index: SpatialIndex<PlacedDevice>;
  readonly #heard = new Map<string, Heard>();

  /** @param cellM about the distance within which devices are asked for */
  constructor(devices: Iterable<PlacedDevice>, cellM: number) {
    this.#index = new SpatialIndex(
      [...devices].map((device) => [device.position, device] as const),
      cellM,
    );
  }

  hear(device: string, untilUs: number, atUs: number): void {
    const before = this.#heard.get(device);
    const gapUs = before === undefined ? undefined : Math.max(0, atUs - before.atUs);
    this.#heard.set(device, {
      untilUs: Math.max(untilUs, before?.untilUs ?? untilUs),
      atUs: Math.max(atUs, before?.atUs ?? atUs),
      periodUs:
        gapUs === undefined || before?.periodUs === undefined
          ? gapUs
          : before.periodUs + NEW_SHARE * (gapUs - before.periodUs),
    });
  }

  at(nowUs: number): Network {
    return { listeners: (around, radiusM) => this.#listeners(around, radiusM, nowUs) };
  }

  *#listeners(around: Position, radiusM: number, nowUs: number): Generator<Listener> {
    for (const device of this.#index.within(around, radiusM)) {
      const heard = this.#heard.get(device.device);
      if (heard !== undefined && nowUs - heard.atUs <= PERIODS * (heard.periodUs ?? FIRST_PERIOD_US)) {
        yield { ...device, heardUntilUs: heard.untilUs };
      }
    }
  }
}
