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
/** Of a new gap in the mean. */
const NEW_SHARE = 1 / 8;

export function hear(before: Heard | undefined, voice: Voice, untilUs: number, atUs: number): Heard {
  const { device, site, owner, position } = voice;
  if (before === undefined) return { device, site, owner, position, untilUs, atUs };
  const gapUs = Math.max(0, untilUs - before.untilUs);
  const periodUs =
    before.periodUs === undefined ? gapUs : Math.round(before.periodUs + NEW_SHARE * (gapUs - before.periodUs));
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

function isOnline({ atUs, periodUs = FIRST_PERIOD_US }: Heard, nowUs: number): boolean {
  return nowUs - atUs <= PERIODS * periodUs;
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
