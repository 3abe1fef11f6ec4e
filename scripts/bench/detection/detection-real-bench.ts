import { readRules } from '../../../cli/rules/rules-file.ts';
import { CommandFailure } from '../../process/failure.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { readNetworkFolder, type RecordedQuake } from './network-folder.ts';
import { ABOUT_IT, BAR_S, replayRecording, thirdTriggerUs } from './replay-recording.ts';
import { quantileOf, scoreAlerts, type Score } from './score-alerts.ts';

/** One for all recordings. */
const RULES = 'deploy/rules/earthquake-sparse.json';
const BAR_ERROR_KM = 25;

interface Replayed {
  readonly quake: RecordedQuake;
  readonly score: Score;
  /** When the third device triggered, by the device's clock; undefined when fewer did. */
  readonly thirdUs: number | undefined;
}

async function runDetectionReal({ data, say, stop }: BenchContext): Promise<BenchReport> {
  if (data === undefined) throw new CommandFailure('Name the folder of the recordings: --data <folder>');
  const network = readNetworkFolder(data);
  const rules = readRules(RULES);
  const replayed: Replayed[] = [];
  for (const quake of network.quakes) {
    stop.throwIfAborted();
    const transitions = await replayRecording(quake, network, rules);
    replayed.push({
      quake,
      score: scoreAlerts([quake], transitions, ABOUT_IT),
      thirdUs: thirdTriggerUs(transitions, quake),
    });
    say(describe(replayed.at(-1)));
  }
  return report(replayed);
}

function describe(replayed: Replayed | undefined): string {
  if (replayed === undefined) return '';
  const { recording, alert_s_after_origin: alertS, epicentre_error_km_first: errorKm, ...rest } = fieldsOf(replayed);
  const told = alertS === null ? 'not detected' : `alert ${alertS} s after the origin, epicentre ${errorKm} km off`;
  const third = rest.third_trigger_s_after_origin ?? '-';
  return `${recording}  M ${replayed.quake.magnitude}  ${told}; third device ${third} s; ${rest.false_alerts} false alerts`;
}

function fieldsOf({ quake, score, thirdUs }: Replayed) {
  const alert = score.quakes[0]?.alert;
  const secondsAfter = (us: number | undefined) => (us === undefined ? null : round((us - quake.originUs) / 1e6, 2));
  return {
    recording: quake.recording,
    detected: alert !== undefined,
    false_alerts: score.falseAlerts,
    alert_s_after_origin: secondsAfter(alert?.raisedUs),
    third_trigger_s_after_origin: secondsAfter(thirdUs),
    epicentre_error_km_first: alert === undefined ? null : round(alert.firstErrorM / 1000, 1),
    epicentre_error_km_final: alert === undefined ? null : round(alert.finalErrorM / 1000, 1),
  };
}

function report(replayed: readonly Replayed[]): BenchReport {
  const perRecording = replayed.map(fieldsOf);
  const detected = perRecording.filter((one) => one.detected);
  const falseAlerts = perRecording.reduce((sum, one) => sum + one.false_alerts, 0);
  const alertS = quantileOf(
    detected.map((one) => one.alert_s_after_origin ?? NaN),
    0.5,
  );
  const errorKm = quantileOf(
    detected.map((one) => one.epicentre_error_km_first ?? NaN),
    0.5,
  );
  const late = detected.filter(
    (one) => (one.alert_s_after_origin ?? Infinity) > (one.third_trigger_s_after_origin ?? -Infinity) + BAR_S,
  );
  return {
    fields: {
      recordings: perRecording.length,
      detected: detected.length,
      false_alerts: falseAlerts,
      median_alert_s_after_origin: round(alertS, 2),
      epicentre_error_km_median: round(errorKm, 1),
      per_recording: perRecording,
    },
    lines: [
      `detected ${detected.length} of ${perRecording.length}, ${falseAlerts} false alerts`,
      `alert ${alertS.toFixed(1)} s after the origin (median)`,
      `epicentre ${errorKm.toFixed(1)} km off at the first version (median, bar ${BAR_ERROR_KM})`,
    ],
    problems: [
      ...perRecording.filter((one) => !one.detected).map(({ recording }) => `${recording} was not detected`),
      ...(falseAlerts === 0 ? [] : [`${falseAlerts} false alerts`]),
      ...late.map(
        ({ recording }) => `${recording}: the alert came more than ${BAR_S} s after the third device triggered`,
      ),
      ...(errorKm <= BAR_ERROR_KM ? [] : [`the epicentre is ${errorKm.toFixed(1)} km off, more than ${BAR_ERROR_KM}`]),
    ],
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

export const detectionRealBench: Bench = {
  name: 'detection-real',
  description: 'recorded earthquakes of a real network through the rules, in virtual time (--data)',
  run: runDetectionReal,
};
