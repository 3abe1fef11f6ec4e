import type { Rule } from '../../../core/detection/rule.ts';
import { createFieldScenario, type FieldKind } from '../../../firmware-sim/scenarios/field/field-scenario.ts';
import { readRules } from '../../../cli/rules/rules-file.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { fieldSites } from './field-network.ts';
import { reachOf, runFieldScenario, SAMPLE_US } from './run-field-scenario.ts';
import { quantileOf, scoreAlerts } from './score-alerts.ts';

const RULES = 'deploy/rules/earthquake-dense.json';
/** Some day. */
const START_US = 1_700_000_000e6;
const DURATION_S = 48;
/** Weaker quakes may be told and need not be. */
const LEAST_PEAK_MS2 = 0.02;
const ABOUT_IT = { withinS: 30, withinM: 30_000 };
const BARS = { medianS: 1, p95S: 3, errorKm: 10 };

/** How many of each, each with a seed and a network of its own. */
const PLAN: readonly (readonly [FieldKind, number])[] = [
  ['quake', 8],
  ['two-quakes', 3],
  ['quake-in-storm', 2],
  ['quake-with-dropouts', 2],
  ['quake-with-bad-clocks', 1],
  ['quake-over-slow-network', 1],
  ['quake-beside-broken-sensor', 1],
  ['quake-beside-liars', 1],
  ['quake-after-reconnect', 1],
  ['quiet', 2],
  ['teleseism', 3],
  ['thunderstorm', 4],
  ['broken-sensor', 2],
  ['liars', 3],
  ['traffic', 3],
  ['reconnect', 1],
  ['clock-drift', 1],
  ['slow-network', 1],
];

interface Outcome {
  readonly name: string;
  readonly expected: number;
  readonly detected: number;
  readonly falseAlerts: number;
  /** Of each quake that was detected. */
  readonly afterFourthS: readonly number[];
  readonly errorKm: readonly number[];
}

async function runDetection({ say, stop }: BenchContext): Promise<BenchReport> {
  const rules = readRules(RULES);
  const outcomes: Outcome[] = [];
  for (const [kind, count] of PLAN) {
    for (let number = 0; number < count; number += 1) {
      // A stop is heard between two scenarios.
      await new Promise((resolve) => setImmediate(resolve));
      stop.throwIfAborted();
      const outcome = measure(kind, outcomes.length + 1, rules);
      outcomes.push(outcome);
      say(describe(outcome));
    }
  }
  return report(outcomes);
}

function measure(kind: FieldKind, seed: number, rules: readonly Rule[]): Outcome {
  const sites = fieldSites(seed);
  const options = { seed, sites, startUs: START_US, durationS: DURATION_S, sampleUs: SAMPLE_US };
  const scenario = createFieldScenario(kind, options);
  const transitions = runFieldScenario(scenario, sites, rules, START_US, DURATION_S);
  const truth = scenario.quakes.map((quake) => ({ ...quake, originUs: quake.originMs * 1000 }));
  const score = scoreAlerts(truth, transitions, ABOUT_IT);
  const judged = score.quakes.flatMap(({ alert }, index) => {
    const quake = scenario.quakes[index];
    const reached = quake === undefined ? undefined : reachOf(quake, scenario.quakes, sites);
    return reached === undefined || reached.fourthPeakMs2 < LEAST_PEAK_MS2 ? [] : [{ alert, reached }];
  });
  const told = judged.flatMap(({ alert, reached }) => (alert === undefined ? [] : [{ alert, reached }]));
  return {
    name: `${kind} (seed ${seed})`,
    expected: judged.length,
    detected: told.length,
    falseAlerts: score.falseAlerts,
    afterFourthS: told.map(({ alert, reached }) => (alert.raisedUs - reached.fourthUs) / 1e6),
    errorKm: told.map(({ alert }) => alert.firstErrorM / 1000),
  };
}

function describe({ name, expected, detected, falseAlerts, afterFourthS, errorKm }: Outcome): string {
  const when = afterFourthS.map((seconds) => `${seconds.toFixed(2)} s`).join(', ');
  const where = errorKm.map((km) => `${km.toFixed(1)} km`).join(', ');
  const told =
    expected === 0 ? 'no quake' : `${detected} of ${expected} quakes; after the fourth P arrival ${when}; off ${where}`;
  return `${name.padEnd(38)} ${told}${falseAlerts === 0 ? '' : `; ${falseAlerts} FALSE ALERTS`}`;
}

function report(outcomes: readonly Outcome[]): BenchReport {
  const total = (value: (outcome: Outcome) => number): number => outcomes.reduce((sum, one) => sum + value(one), 0);
  const afterS = outcomes.flatMap(({ afterFourthS }) => afterFourthS);
  const expected = total((one) => one.expected);
  const detected = total((one) => one.detected);
  const falseAlerts = total((one) => one.falseAlerts);
  const medianS = quantileOf(afterS, 0.5);
  const p95S = quantileOf(afterS, 0.95);
  const errorKm = quantileOf(
    outcomes.flatMap((one) => one.errorKm),
    0.5,
  );
  return {
    fields: {
      scenarios: outcomes.length,
      quakes: expected,
      detected,
      missed: expected - detected,
      false_alerts: falseAlerts,
      median_s_after_4th_p_arrival: Number(medianS.toFixed(2)),
      p95_s: Number(p95S.toFixed(2)),
      epicentre_error_km_median: Number(errorKm.toFixed(1)),
    },
    lines: [
      `${outcomes.length} scenarios: ${detected} of ${expected} quakes detected, ${falseAlerts} false alerts`,
      `alert ${medianS.toFixed(2)} s after the fourth P arrival (median, bar ${BARS.medianS}), p95 ${p95S.toFixed(2)} s (bar ${BARS.p95S})`,
      `epicentre ${errorKm.toFixed(1)} km off (median, bar ${BARS.errorKm})`,
    ],
    problems: [
      ...(expected === detected ? [] : [`${expected - detected} quakes were missed`]),
      ...(falseAlerts === 0 ? [] : [`${falseAlerts} false alerts`]),
      ...(medianS <= BARS.medianS ? [] : [`the median of ${medianS.toFixed(2)} s is above ${BARS.medianS} s`]),
      ...(p95S <= BARS.p95S ? [] : [`the p95 of ${p95S.toFixed(2)} s is above ${BARS.p95S} s`]),
      ...(errorKm <= BARS.errorKm ? [] : [`the epicentre is ${errorKm.toFixed(1)} km off, more than ${BARS.errorKm}`]),
    ],
  };
}

export const detectionBench: Bench = {
  name: 'detection',
  description: 'forty simulated minutes of a network, with quakes and with what is none, in virtual time',
  run: runDetection,
};
