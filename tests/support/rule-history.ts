import assert from 'node:assert/strict';
import { formatDetectCheckpoint, parseDetectCheckpoint } from '../../contracts/detect-checkpoint.ts';
import { evaluateRule, initialState, type RuleState } from '../../core/detection/evaluate.ts';
import type { NumericReading, RuleTransition } from '../../core/detection/reading-evaluation.ts';
import type { DeviceRule } from '../../core/detection/rule.ts';

export type Sample = readonly [timeS: number, value: number, metric: string];

export interface RuleHistory {
  readonly transitions: readonly RuleTransition[];
  readonly state: RuleState | undefined;
}

/** What one reading does that is evaluated when it comes. */
export function evaluateReading(
  rule: DeviceRule,
  before: RuleState | undefined,
  reading: NumericReading,
): { readonly state: RuleState; readonly transition: RuleTransition | undefined } {
  const surroundings = { arrivedUs: reading.timeUs, areaOf: () => undefined };
  const { state, transitions } = evaluateRule(rule, before ?? initialState(rule, false), reading, surroundings);
  assert.ok(transitions.length <= 1, 'one reading has one transition');
  return { state, transition: transitions[0]?.transition };
}

/** The state as another worker finds it. */
export function throughCheckpoint(state: RuleState): RuleState {
  const hash = formatDetectCheckpoint({ position: '1-0', states: new Map([['key', state]]) });
  const kept = parseDetectCheckpoint(hash).states.get('key');
  assert.ok(kept !== undefined);
  return kept;
}

/**
 * What a rule says of the readings of one device, in the order in which they come.
 *
 * @param restart after which samples the state goes through a checkpoint, as another worker finds it
 */
export function replayHistory(
  rule: DeviceRule,
  samples: readonly Sample[],
  restart: (index: number) => boolean = () => false,
): RuleHistory {
  let state: RuleState | undefined;
  const transitions: RuleTransition[] = [];
  for (const [index, [timeS, value, metric]] of samples.entries()) {
    const reading = { device: 'dev-1', metric, timeUs: Math.round(timeS * 1e6), value };
    const result = evaluateReading(rule, state, reading);
    state = restart(index) ? throughCheckpoint(result.state) : result.state;
    if (result.transition !== undefined) transitions.push(result.transition);
  }
  return { transitions, state };
}
