import { RuleIndex, type RuleTarget } from '../../../core/detection/rule-index.ts';
import { RuleStates } from '../../../core/detection/rule-states.ts';
import { ruleSchema, type Rule } from '../../../core/detection/rule.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';

const DEVICES = 10_000;
const FEW = 10;
const MANY = 1000;
/** Of each device, one a second. */
const READINGS = 30;
/** The two sets of rules take turns, because a machine that others use changes its speed. */
const ROUNDS = 7;
const BAR = 1.5;
const START_US = 1_700_000_000_000_000;

/** Two for each zone: one that is for the zone, and one that is for a tag that its devices have. */
function rulesOf(count: number): readonly Rule[] {
  return Array.from({ length: count }, (_, index) => {
    const place = Math.floor(index / 2);
    return ruleSchema.parse({
      kind: 'threshold',
      id: `rule-${index}`,
      version: 1,
      scope: { metrics: ['acc_z'], ...(index % 2 === 0 ? { zones: [`zone-${place}`] } : { tags: [`tag-${place}`] }) },
      severity: 'Minor',
      headline: 'Bench',
      when: 'beyond',
      limit: 9,
      clear_limit: 5,
      duration_s: 1,
    });
  });
}

/** Spread over all places, so that two rules apply to each device, however many there are. */
function targetsOf(rules: number): readonly RuleTarget[] {
  return Array.from({ length: DEVICES }, (_, index) => {
    const place = index % (rules / 2);
    return { device: `dev-${index}`, zones: [`zone-${place}`], tags: [`tag-${place}`] };
  });
}

/** Microseconds for each reading. */
function measure(rules: number): { readonly perReadingUs: number; readonly transitions: number } {
  const index = new RuleIndex(rulesOf(rules));
  const targets = targetsOf(rules);
  const states = new RuleStates();
  let transitions = 0;
  const startedAtMs = performance.now();
  for (let second = 0; second < READINGS; second += 1) {
    const timeUs = START_US + second * 1e6;
    for (const [number, target] of targets.entries()) {
      const value = 10 * Math.sin(second / 3 + number);
      const reading = { device: target.device, metric: 'acc_z', timeUs, value };
      transitions += states.evaluate(target, index, [reading], timeUs).length;
    }
  }
  return { perReadingUs: ((performance.now() - startedAtMs) * 1000) / (DEVICES * READINGS), transitions };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function runRulesBench({ stop, say }: BenchContext): Promise<BenchReport> {
  const [few, many]: [number[], number[]] = [[], []];
  let problem: string | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    stop.throwIfAborted();
    const [withFew, withMany] = [measure(FEW), measure(MANY)];
    if (withFew.transitions === 0 || withFew.transitions !== withMany.transitions) {
      problem = `${FEW} rules found ${withFew.transitions} transitions, and ${MANY} found ${withMany.transitions}`;
    }
    few.push(withFew.perReadingUs);
    many.push(withMany.perReadingUs);
    say(
      `round ${round + 1} of ${ROUNDS}: ${withFew.perReadingUs.toFixed(2)} and ${withMany.perReadingUs.toFixed(2)} us`,
    );
  }
  // Of the ratios and not of the times: the two of a round had the same machine.
  const ratio = median(many.map((us, round) => us / (few[round] ?? NaN)));
  return Promise.resolve({
    fields: {
      devices: DEVICES,
      per_reading_us_10: Number(median(few).toFixed(3)),
      per_reading_us_1000: Number(median(many).toFixed(3)),
      ratio: Number(ratio.toFixed(3)),
    },
    lines: [
      `${DEVICES} devices, two rules apply to each reading`,
      `${FEW} rules     ${median(few).toFixed(2)} us a reading`,
      `${MANY} rules   ${median(many).toFixed(2)} us a reading, ${ratio.toFixed(2)} times as much (bar ${BAR})`,
    ],
    problems: [
      ...(problem === undefined ? [] : [problem]),
      ...(ratio <= BAR ? [] : [`the ratio ${ratio.toFixed(2)} is above ${BAR}`]),
    ],
  });
}

export const rulesBench: Bench = {
  name: 'rules',
  description: '10 and 1,000 rules over readings of 10,000 devices: cost grows with those that apply',
  run: runRulesBench,
};
