import { DetectionRun, type RunTransition } from '../../../core/detection/detection-run.ts';
import type { Rule } from '../../../core/detection/rule.ts';
import { createAccelerationPack } from '../../../firmware-sim/pack.ts';
import { readRecording } from '../../../firmware-sim/replay/recording.ts';
import { ReplayClock } from '../../../firmware-sim/replay/replay-clock.ts';
import type { NetworkFolder, RecordedQuake } from './network-folder.ts';

/** An alert later than this is not about the quake, nor one farther off. */
export const ABOUT_IT = { withinS: 60, withinM: 200_000 };
/** After the third device has triggered. */
export const BAR_S = 2;
const DEVICES_NEEDED = 3;

/** What rules make of a recording in virtual time, which is that of the arrivals. */
export async function replayRecording(
  { path }: RecordedQuake,
  { devices }: NetworkFolder,
  rules: readonly Rule[],
): Promise<readonly RunTransition[]> {
  const run = new DetectionRun(rules, devices);
  const asRecorded = new ReplayClock({ originS: 0, startUs: 0, speed: 1 });
  const transitions: RunTransition[] = [];
  for await (const second of readRecording(path)) {
    const { metrics, readings } = createAccelerationPack(second.device_id, asRecorded.samplesOf(second));
    transitions.push(
      ...run.receive({
        device: second.device_id,
        arrivedUs: Math.round(second.cloud_t * 1e6),
        readings: readings.map(([index, timeUs, value]) => ({
          device: second.device_id,
          metric: metrics[index] ?? '',
          timeUs,
          value,
        })),
      }),
    );
  }
  return transitions;
}

/** When the third device triggered, by its clock; undefined when fewer did. */
export function thirdTriggerUs(transitions: readonly RunTransition[], { originUs }: RecordedQuake): number | undefined {
  const firstOf = new Map<string, number>();
  for (const decided of transitions) {
    if (decided.of !== 'device') continue;
    const { device, transition } = decided;
    if (transition.kind !== 'raised' || transition.atUs < originUs || firstOf.has(device)) continue;
    firstOf.set(device, transition.atUs);
  }
  return [...firstOf.values()].sort((a, b) => a - b)[DEVICES_NEEDED - 1];
}
