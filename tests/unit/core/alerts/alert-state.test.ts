import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideTransition, type AlertState } from '../../../../core/alerts/alert-state.ts';
import { formatAlertState, parseAlertState } from '../../../../contracts/alert-state.ts';

const identity = { rule: 'r', subject: 'dev-1' };
const at = (entryMs: number, entrySeq = 0, index = 0) => ({ entryMs, entrySeq, index });

function follow(steps: readonly (readonly [Parameters<typeof decideTransition>[2], ReturnType<typeof at>])[]) {
  let state: AlertState | undefined;
  return steps.map(([kind, cause]) => {
    const next = decideTransition(identity, state, kind, cause);
    state = next?.state ?? state;
    return next?.version;
  });
}

test('versions count within a life, and a new life begins at 1', () => {
  assert.deepEqual(
    follow([
      ['raised', at(1)],
      ['updated', at(2)],
      ['cleared', at(3)],
      ['raised', at(4)],
    ]),
    [1, 2, 3, 1],
  );
});

test('a cause that was used already has no effect, so that reading the log again raises nothing twice', () => {
  assert.deepEqual(
    follow([
      ['raised', at(1)],
      ['cleared', at(1, 0, 7)],
      ['raised', at(1)],
      ['cleared', at(1, 0, 7)],
      ['raised', at(1, 1)],
    ]),
    [1, 2, undefined, undefined, 1],
  );
});

test('a transition that cannot follow is refused', () => {
  assert.deepEqual(
    follow([
      ['cleared', at(1)],
      ['raised', at(2)],
      ['raised', at(3)],
      ['cancelled', at(4)],
      ['updated', at(5)],
    ]),
    [undefined, 1, undefined, 2, undefined],
  );
});

test('the same cause names the same alert, another one names another', () => {
  const first = decideTransition(identity, undefined, 'raised', at(1));
  assert.equal(decideTransition(identity, undefined, 'raised', at(1))?.alertId, first?.alertId);
  assert.notEqual(decideTransition(identity, undefined, 'raised', at(2))?.alertId, first?.alertId);
  assert.match(first?.alertId ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('the state survives being written and read', () => {
  const state = decideTransition(identity, undefined, 'raised', at(1, 2, 3))?.state;
  assert.ok(state !== undefined);
  assert.deepEqual(parseAlertState(formatAlertState(state)), state);
});
