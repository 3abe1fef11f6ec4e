import { UsageError } from '../usage-error.ts';
import { readRecording, type RecordedSecond } from './recording.ts';
import { clockOf } from './replay-clock.ts';

export interface RecordingSurvey {
  readonly deviceIds: ReadonlySet<string>;
  readonly records: number;
  /** The time of the first record, Unix seconds: what "now" stands for at the start. */
  readonly originS: number;
}

/** Reads the recording once: who is in it, how much there is, and when it begins. */
export async function surveyRecording(path: string): Promise<RecordingSurvey> {
  const deviceIds = new Set<string>();
  let records = 0;
  let first: RecordedSecond | undefined;
  for await (const record of readRecording(path)) {
    first ??= record;
    deviceIds.add(record.device_id);
    records += 1;
  }
  if (first === undefined) throw new UsageError(`${path} has no records`);
  return { deviceIds, records, originS: clockOf(first) };
}
