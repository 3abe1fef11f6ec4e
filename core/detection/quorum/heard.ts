import { SpatialIndex } from '../../geo/spatial-index.ts';
import type { Position } from '../../geo/position.ts';
import type { Listener, Network } from './trigger.ts';

export type Voice = Omit<Listener, 'heardUntilUs'>;

/** When a device has been heard whose readings a rule that emits triggers looks at. */
export interface Heard extends Voice {
  /** Of its newest reading, Unix microseconds by its clock. */
  readonly untilUs: number;
  /** When its newest pack was evaluated, Unix microseconds by the platform's clock. */
  readonly atUs: number;
  /** Moving mean of the time between two packs by the device's clock: some come in a burst. Undefined after the first. */
  readonly periodUs?: number | undefined;
}

/** A device that has been heard once is online this long. */
const FIRST_PERIOD_US = 20_000_000;
/** A device that has missed this many of its packs is not online. */
const PERIODS = 3;
/** What is known of it may be a second old, and clocks of workers differ. */
const LEAST_US = 5_000_000;
/** Of a new gap in the mean. */
const NEW_SHARE = 1 / 8;

export function hear(before: Heard | undefined, voice: Voice, untilUs: number, atUs: number): Heard {
  const { device, site, owner, position } = voice;
  if (before === undefined) return { device, site, owner, position, untilUs, atUs };
  // Several packs may tell of one time.
  const gapUs = untilUs - before.untilUs;
  const periodUs = gapUs <= 0 ? before.periodUs : nextPeriodUs(before.periodUs, gapUs);
  return {
    device,
    site,
    owner,
    position,
    untilUs: Math.max(untilUs, before.untilUs),
    atUs: Math.max(atUs, before.atUs),
    periodUs,
  };
}

function nextPeriodUs(beforeUs: number | undefined, gapUs: number): number {
  return beforeUs === undefined ? gapUs : Math.round(beforeUs + NEW_SHARE * (gapUs - beforeUs));
}

function isOnline({ atUs, periodUs = FIRST_PERIOD_US }: Heard, nowUs: number): boolean {
  return nowUs - atUs <= Math.max(LEAST_US, PERIODS * periodUs);
}

/** Finds who is online around a place. Records may grow newer behind it; other devices and positions need another index. */
export class HeardIndex {
  readonly #index: SpatialIndex<() => Heard | undefined>;

  /** @param sources by any key, one record of each device */
  constructor(sources: readonly ReadonlyMap<string, Heard>[], cellM: number) {
    this.#index = new SpatialIndex(
      sources.flatMap((heard) => [...heard].map(([key, { position }]) => [position, () => heard.get(key)] as const)),
      cellM,
    );
  }

  at(nowUs: number): Network {
    return { listeners: (around, radiusM) => this.#listeners(around, radiusM, nowUs) };
  }

  *#listeners(around: Position, radiusM: number, nowUs: number): Generator<Listener> {
    for (const newest of this.#index.within(around, radiusM)) {
      const heard = newest();
      if (heard === undefined || !isOnline(heard, nowUs)) continue;
      const { device, site, owner, position, untilUs } = heard;
      yield { device, site, owner, position, heardUntilUs: untilUs };
    }
  }
}
