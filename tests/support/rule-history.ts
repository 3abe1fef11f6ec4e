import assert from 'node:assert/strict';
import { formatDetectCheckpoint, parseDetectCheckpoint } from '../../contracts/detect-checkpoint.ts';
import { bareState, evaluateRule, type RuleState } from '../../core/detection/evaluate.ts';
import type { RuleTransition } from '../../core/detection/reading-evaluation.ts';
import type { ReadingRule } from '../../core/detection/rule.ts';

export type Sample = readonly [timeS: number, value: number, metric: string];

export interface RuleHistory {
  readonly transitions: readonly RuleTransition[];
  readonly state: RuleState | undefined;
}

/**
 * What a rule says of the readings of one device, in the order in which they come.
 *
 * @param restart after which samples the state goes through a checkpoint, as another worker finds it
 */
export function replayHistory(
  rule: ReadingRule,
  samples: readonly Sample[],
  restart: (index: number) => boolean = () => false,
): RuleHistory {
  let state: RuleState | undefined;
  const transitions: RuleTransition[] = [];
  for (const [index, [timeS, value, metric]] of samples.entries()) {
    const reading = { device: 'dev-1', metric, timeUs: Math.round(timeS * 1e6), value };
    const result = evaluateRule(rule, state ?? bareState(false), reading);
    state = result.state;
    if (result.transition !== undefined) transitions.push(result.transition);
    if (!restart(index)) continue;
    const hash = formatDetectCheckpoint({ position: '1-0', states: new Map([['key', state]]) });
    state = parseDetectCheckpoint(hash).states.get('key');
    assert.ok(state !== undefined);
  }
  return { transitions, state };
}
