import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import {
  parseServerMessage,
  isBehind,
  type ActiveAlerts,
  type ClientMessage,
  type ServerMessage,
} from '../../../clients/js/src/messages.ts';
import type { activeAlertsSchema, clientMessageSchema, serverMessageSchema } from '../../../contracts/alert-stream.ts';

/** Compiles only while the first is assignable to the second. */
type Is<_Given extends Wanted, Wanted> = true;

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

test('the types of the client are those of the contract, in both directions', () => {
  const proofs: [
    Is<DeepReadonly<z.infer<typeof serverMessageSchema>>, ServerMessage>,
    Is<ServerMessage, DeepReadonly<z.infer<typeof serverMessageSchema>>>,
    Is<ClientMessage['type'], z.input<typeof clientMessageSchema>['type']>,
    Is<DeepReadonly<z.infer<typeof activeAlertsSchema>>, ActiveAlerts>,
  ] = [true, true, true, true];
  assert.ok(proofs.every(Boolean));
});

test('what is no message of this version is passed over', () => {
  for (const data of [
    undefined,
    new ArrayBuffer(3),
    '',
    'null',
    '[]',
    '{"type":"news"}',
    '{"type":"alert"}',
    '{"type":"live","epoch":"e","cursor":"nonsense"}',
  ]) {
    assert.equal(parseServerMessage(data), undefined);
  }
  const live = { type: 'live', epoch: 'e', cursor: '1-0', more: true };
  assert.deepEqual(parseServerMessage(JSON.stringify(live)), live);
});

test('places have an order, by numbers and not as text', () => {
  const place = (cursor: string) => ({ epoch: 'e', cursor });
  for (const [one, other, expected] of [
    ['1-0', '2-0', true],
    ['9-0', '10-0', true],
    ['10-0', '9-0', false],
    ['5-9', '5-10', true],
    ['5-1', '5-1', false],
  ] as const) {
    assert.equal(isBehind(place(one), place(other)), expected);
  }
});
