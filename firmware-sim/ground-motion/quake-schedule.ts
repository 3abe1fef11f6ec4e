import type { Position } from '../../core/geo/position.ts';
import { betweenAt, hash32 } from '../random.ts';
import type { Quake } from './quake.ts';
import { SHAKING_ENDS_AFTER_S } from './shaking.ts';

export interface QuakeScheduleOptions {
  readonly seed: number;
  /** Unix milliseconds. */
  readonly firstMs: number;
  /** 0: there is only one. */
  readonly everyMs: number;
  /** The network that the quakes shall hit. */
  readonly sites: readonly Position[];
}

/** Tells this use of the seed from others. */
const QUAKES = 7;
/** Epicentres keep to the inner part of the network, so that there are devices all around. */
const INNER_PART = 0.5;
/** For a network of one device, about 5 km. */
const LEAST_REACH_DEG = 0.05;

/** The quakes of a run, each decided by the seed and its number. */
export class QuakeSchedule {
  readonly #options: QuakeScheduleOptions;
  readonly #quakes = new Map<number, Quake>();
  readonly #lat: Range;
  readonly #lon: Range;

  constructor(options: QuakeScheduleOptions) {
    this.#options = options;
    this.#lat = rangeOf(options.sites.map((site) => site.lat));
    this.#lon = rangeOf(options.sites.map((site) => site.lon));
  }

  /** Those whose shaking is not over. */
  shakingAt(timeMs: number): readonly Quake[] {
    return this.#between(timeMs - SHAKING_ENDS_AFTER_S * 1000, timeMs);
  }

  until(timeMs: number): readonly Quake[] {
    return this.#between(this.#options.firstMs, timeMs);
  }

  #between(fromMs: number, toMs: number): readonly Quake[] {
    const { firstMs, everyMs } = this.#options;
    const first = everyMs === 0 ? 0 : Math.max(0, Math.ceil((fromMs - firstMs) / everyMs));
    const last = everyMs === 0 ? 0 : Math.floor((toMs - firstMs) / everyMs);
    const quakes: Quake[] = [];
    for (let number = first; number <= last; number += 1) {
      const quake = this.#quake(number);
      if (quake.originMs >= fromMs && quake.originMs <= toMs) quakes.push(quake);
    }
    return quakes;
  }

  #quake(number: number): Quake {
    const known = this.#quakes.get(number);
    if (known !== undefined) return known;
    const { seed, firstMs, everyMs } = this.#options;
    const between = (low: number, high: number, which: number) => betweenAt(low, high, seed, QUAKES, number, which);
    const quake: Quake = {
      originMs: firstMs + number * everyMs,
      lat: this.#lat.middle + between(-1, 1, 1) * this.#lat.reach,
      lon: this.#lon.middle + between(-1, 1, 2) * this.#lon.reach,
      depthKm: between(8, 12, 3),
      magnitude: between(5.5, 6, 4),
      seed: hash32(seed, QUAKES, number),
    };
    this.#quakes.set(number, quake);
    return quake;
  }
}

interface Range {
  readonly middle: number;
  readonly reach: number;
}

function rangeOf(values: readonly number[]): Range {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { middle: (low + high) / 2, reach: Math.max(LEAST_REACH_DEG, ((high - low) / 2) * INNER_PART) };
}
