import type { Site } from '../ground-motion/shaking.ts';
import type { Sample, Vector } from '../pack.ts';
import type { PackSource, Report } from '../pack-source.ts';
import { pauseUntil } from '../pause.ts';
import type { Scenario } from './scenario.ts';

/** How devices and their network differ from perfect ones. */
export interface Conditions {
  /** By how much the clock of each is ahead, microseconds. */
  sensorAt(index: number): { readonly clockErrorUs: number };
  /** When what was measured until a time can be sent, Unix microseconds; undefined when it is lost. */
  arrivalUs(index: number, measuredUs: number): number | undefined;
}

export interface ScenarioSourceOptions {
  readonly scenario: Scenario;
  readonly conditions?: Conditions | undefined;
  readonly sites: readonly Site[];
  /** Unix microseconds. */
  readonly startUs: number;
  /** Packs a second of each device. */
  readonly rate: number;
  readonly samplesPerPack: number;
  /** 0: until it is stopped. */
  readonly durationS: number;
}

/** The resolution of the sensor. */
const STEPS_PER_MS2 = 100_000;

/** Devices take turns, evenly spaced over their common period; each pack covers the period that ends when it is sent. */
export class ScenarioSource implements PackSource {
  readonly name: string;
  readonly expectedPacks: number | undefined;
  readonly details = {};
  readonly #options: ScenarioSourceOptions;
  readonly #periodUs: number;

  constructor(options: ScenarioSourceOptions) {
    const { scenario, rate, sites, durationS } = options;
    this.name = scenario.name;
    this.#options = options;
    this.#periodUs = 1e6 / rate;
    this.expectedPacks = durationS === 0 ? undefined : Math.floor(durationS * rate * sites.length);
  }

  quakesUntil(timeMs: number) {
    return this.#options.scenario.quakesUntil(timeMs);
  }

  async run(report: Report, signal: AbortSignal): Promise<void> {
    const { sites, conditions } = this.#options;
    const held: Promise<void>[] = [];
    const turns = this.expectedPacks ?? Infinity;
    for (let turn = 0; turn < turns; turn += 1) {
      const dueUs = this.#dueUs(turn);
      await pauseUntil(dueUs / 1000, signal);
      if (signal.aborted) break;
      const index = turn % sites.length;
      const site = sites[index];
      if (site === undefined) continue;
      const samples = this.#samples(site, dueUs);
      const arrivalUs = conditions === undefined ? dueUs : conditions.arrivalUs(index, dueUs);
      if (arrivalUs === undefined) continue;
      if (arrivalUs <= dueUs) report(index, samples);
      else held.push(pauseUntil(arrivalUs / 1000, signal).then(() => report(index, samples)));
    }
    await Promise.all(held);
  }

  #dueUs(turn: number): number {
    return Math.round(this.#options.startUs + ((turn + 1) * this.#periodUs) / this.#options.sites.length);
  }

  #samples(site: Site, dueUs: number): readonly Sample[] {
    const { scenario, samplesPerPack, conditions } = this.#options;
    const clockErrorUs = conditions?.sensorAt(site.index).clockErrorUs ?? 0;
    return Array.from({ length: samplesPerPack }, (_, index) => {
      const timeUs = dueUs - Math.round(((samplesPerPack - 1 - index) * this.#periodUs) / samplesPerPack);
      return { timeUs: timeUs + clockErrorUs, acceleration: quantise(scenario.accelerationAt(site, timeUs)) };
    });
  }
}

function quantise([x, y, z]: Vector): Vector {
  const step = (value: number) => Math.round(value * STEPS_PER_MS2) / STEPS_PER_MS2;
  return [step(x), step(y), step(z)];
}
