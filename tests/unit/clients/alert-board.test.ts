import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AlertBoard,
  type ClientEvents,
  type FollowedClient,
  type Place,
  type Transition,
} from '../../../clients/js/src/index.ts';
import { Listeners } from '../../../clients/js/src/listeners.ts';
import type { ActiveAlerts } from '../../../clients/js/src/messages.ts';
import { eventually } from '../../support/eventually.ts';
import { createTransition } from '../../support/alert-requests.ts';

/** A client whose answers come when the test says so. */
class SlowClient implements FollowedClient {
  readonly listeners = new Listeners<ClientEvents>();
  readonly asked: { answer: (answer: ActiveAlerts) => void; fail: () => void }[] = [];
  place: Place | undefined;
  state: FollowedClient['state'] = 'live';

  on<Type extends keyof ClientEvents>(type: Type, listener: (event: ClientEvents[Type]) => void): () => void {
    return this.listeners.add(type, listener);
  }

  active(): Promise<ActiveAlerts> {
    return new Promise((answer, reject) => {
      this.asked.push({ answer, fail: () => reject(new Error('503')) });
    });
  }

  /** As the server tells it. */
  tell(ms: number, transition: Transition, filter?: 'leave'): void {
    this.place = { epoch: 'e1', cursor: `${ms}-0` };
    const message = { type: 'alert', epoch: 'e1', cursor: `${ms}-0`, ...transition } as const;
    this.listeners.emit('alert', filter === undefined ? message : { ...message, filter });
  }
}

const transition = (alert: number, version = 1, kind: Transition['kind'] = 'raised'): Transition =>
  createTransition(kind, { rule: 'r', alert, version, atUs: alert });
const answerAt = (ms: number, ...alerts: Transition[]): ActiveAlerts => ({ epoch: 'e1', cursor: `${ms}-0`, alerts });

function open(): { client: SlowClient; board: AlertBoard; shown: () => string[] } {
  const client = new SlowClient();
  const board = new AlertBoard(client, () => undefined);
  return {
    client,
    board,
    shown: () => [...board.alerts.values()].map(({ alert_id, version }) => `${alert_id}/${version}`),
  };
}

const idOf = (alert: number): string => transition(alert).alert_id;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what comes while the server is asked stands beside the answer, and what has ended meanwhile does not come back', async () => {
  const { client, board, shown } = open();
  assert.equal(board.isComplete, false);
  client.tell(12, transition(1));
  client.tell(13, transition(2, 2, 'cleared'));
  client.tell(14, transition(3, 2), 'leave');
  assert.deepEqual(shown(), [`${idOf(1)}/1`]);
  client.asked[0]?.answer(answerAt(11, transition(2), transition(3), transition(4)));
  await turn();
  assert.equal(board.isComplete, true);
  assert.deepEqual(shown().sort(), [`${idOf(1)}/1`, `${idOf(4)}/1`].sort());
});

test('an answer that is newer than what came is not set back by it', async () => {
  const { client, shown } = open();
  client.tell(12, transition(1));
  client.tell(13, transition(2));
  client.asked[0]?.answer(answerAt(20, transition(1, 3)));
  await turn();
  assert.deepEqual(shown(), [`${idOf(1)}/3`]);
});

test('a server that has heard less than the client is asked again, and so is one that fails', async () => {
  const { client, board, shown } = open();
  client.asked[0]?.answer(answerAt(0));
  await turn();
  client.tell(12, transition(1));
  client.listeners.emit('gap', { type: 'gap', reason: 'too-old', epoch: 'e1', cursor: '12-0' });
  client.asked[1]?.answer(answerAt(11));
  await turn();
  assert.equal(board.isComplete, false);
  assert.deepEqual(shown(), [`${idOf(1)}/1`]);
  await eventually(() => assert.equal(client.asked.length, 3));
  client.asked[2]?.fail();
  await eventually(() => assert.equal(client.asked.length, 4));
  client.asked[3]?.answer(answerAt(12, transition(1)));
  await turn();
  assert.equal(board.isComplete, true);
  board.close();
});

test('it asks when the client is live for the first time, after a gap and after other filters, and not after a break without one', async () => {
  const { client, board } = open();
  client.asked[0]?.answer(answerAt(1));
  await turn();
  for (const state of ['waiting', 'connecting', 'catching-up', 'live'] as const) client.listeners.emit('state', state);
  assert.equal(client.asked.length, 1);
  client.listeners.emit('filters', []);
  assert.equal(client.asked.length, 2);
  // Of two questions the first one's answer is of yesterday.
  client.listeners.emit('filters', []);
  client.asked[1]?.answer(answerAt(2, transition(7)));
  await turn();
  assert.equal(board.isComplete, false);
  assert.equal(board.alerts.size, 0);
  client.asked[2]?.answer(answerAt(3));
  await turn();
  assert.equal(board.isComplete, true);
});

test('a board that is closed changes no more', async () => {
  const { client, board } = open();
  board.close();
  client.tell(12, transition(1));
  client.asked[0]?.answer(answerAt(20, transition(2)));
  client.listeners.emit('filters', []);
  await turn();
  assert.equal(board.alerts.size, 0);
  assert.equal(client.asked.length, 1);
});
