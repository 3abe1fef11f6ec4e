import type { Sample } from './pack.ts';
import type { Quake } from './ground-motion/quake.ts';

/** Takes what the device at this place in the fleet has measured since its last report. */
export type Report = (deviceIndex: number, samples: readonly Sample[]) => void;

/** What makes the devices measure: a scenario or a recording. */
export interface PackSource {
  readonly name: string;
  /** Undefined when it runs until it is stopped. */
  readonly expectedPacks: number | undefined;
  /** For the summary. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Reports in real time until the source is exhausted or the signal aborts. */
  run(report: Report, signal: AbortSignal): Promise<void>;
  /** The quakes that happened up to this time, Unix milliseconds. */
  quakesUntil(timeMs: number): readonly Quake[];
}
