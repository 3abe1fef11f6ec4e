import { basename } from 'node:path';
import type { PackSource, Report } from '../pack-source.ts';
import { pauseUntil } from '../pause.ts';
import { readRecording } from './recording.ts';
import { ReplayClock } from './replay-clock.ts';
import type { RecordingSurvey } from './survey-recording.ts';

export interface ReplaySourceOptions {
  readonly path: string;
  readonly survey: RecordingSurvey;
  /** Recorded device ids, in the order of the fleet. */
  readonly recordedIds: readonly string[];
  /** Unix microseconds. */
  readonly startUs: number;
  readonly speed: number;
  /** 0: to the end of the recording. */
  readonly durationS: number;
}

/** Each recorded device reports each of its records once, in the order of the file. */
export class ReplaySource implements PackSource {
  readonly name: string;
  readonly expectedPacks: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #endMs: number;
  readonly #clock: ReplayClock;
  readonly #indexes: ReadonlyMap<string, number>;

  constructor({ path, survey, recordedIds, startUs, speed, durationS }: ReplaySourceOptions) {
    this.name = `replay ${basename(path)}`;
    this.expectedPacks = durationS === 0 ? survey.records : undefined;
    // A recorded time t lies in the store at start_us + round((t - origin_us) / speed).
    this.details = { replay: { origin_us: Math.round(survey.originS * 1e6), start_us: startUs, speed } };
    this.#path = path;
    this.#endMs = durationS === 0 ? Infinity : startUs / 1000 + durationS * 1000;
    this.#clock = new ReplayClock({ originS: survey.originS, startUs, speed });
    this.#indexes = new Map(recordedIds.map((id, index) => [id, index]));
  }

  quakesUntil() {
    return [];
  }

  async run(report: Report, signal: AbortSignal): Promise<void> {
    for await (const record of readRecording(this.#path)) {
      const dueMs = this.#clock.dueMs(record);
      if (dueMs > this.#endMs) return;
      await pauseUntil(dueMs, signal);
      if (signal.aborted) return;
      const index = this.#indexes.get(record.device_id);
      if (index !== undefined) report(index, this.#clock.samplesOf(record));
    }
  }
}
