import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBLEM_CODES } from '../../../contracts/problem.ts';
import { ATTACK_KINDS } from '../../../firmware-sim/attack/attack-kind.ts';
import { AttackTally } from '../../../firmware-sim/attack/attack-tally.ts';
import { FloodAllowance } from '../../../firmware-sim/attack/flood-allowance.ts';
import { createForge } from '../../../firmware-sim/attack/forge.ts';
import { planAttackers } from '../../../firmware-sim/attack/plan-attackers.ts';
import { ACCEPTED, BLOCKED, problem } from '../../../firmware-sim/attack/required-outcome.ts';
import { NonceCounter } from '../../../firmware-sim/fleet/nonce-counter.ts';
import { device } from './device-fixture.ts';

test('a mix has every kind, more of each in a larger fleet, and a device of its own for each attacker', () => {
  assert.deepEqual(
    planAttackers('mix', 5).map(({ kind }) => kind),
    [...ATTACK_KINDS],
  );
  const many = planAttackers('mix', 200);
  assert.equal(many.length, 4 * ATTACK_KINDS.length);
  assert.equal(new Set(many.map(({ deviceId }) => deviceId)).size, many.length);
  assert.deepEqual(planAttackers('none', 200), []);
});

test('one kind alone has attackers of that kind only', () => {
  const attackers = planAttackers('replay', 50);
  assert.equal(attackers.length, 5);
  assert.ok(attackers.every(({ kind }) => kind === 'replay'));
});

test('a larger fleet keeps the attackers of a smaller one, so that their devices stay registered', () => {
  const ids = planAttackers('mix', 100).map(({ deviceId }) => deviceId);
  assert.ok(planAttackers('mix', 50).every(({ deviceId }) => ids.includes(deviceId)));
});

for (const kind of ATTACK_KINDS) {
  test(`the attack ${kind} requires answers that the platform has, and being accepted only within an allowance`, () => {
    const forge = createForge(kind, {
      ...{ device, encoding: 'jws', nonces: new NonceCounter(1, -1, () => undefined) },
      captured: () => ({ nonce: 1, createdS: 1, headers: {}, content: new Uint8Array() }),
    });
    for (let turn = 0; turn < 12; turn += 1) {
      const codes = forge()?.required.map(({ code }) => code) ?? [];
      assert.ok(codes.length > 0);
      const known: readonly string[] = [...PROBLEM_CODES, BLOCKED.code, ACCEPTED.code];
      assert.ok(codes.every((code) => known.includes(code)));
      assert.equal(codes.includes(ACCEPTED.code), kind === 'flood');
    }
  });
}

test('nothing is replayed before something was captured', () => {
  const nonces = new NonceCounter(1, -1, () => undefined);
  const forge = createForge('replay', { device, encoding: 'jws', nonces, captured: () => undefined });
  assert.equal(forge(), undefined);
});

test('an attack that is accepted, or refused for another reason than the required one, is counted as unexpected', () => {
  const tally = new AttackTally();
  tally.record('stale', problem('timestamp-skew'), [problem('timestamp-skew')]);
  tally.record('stale', problem('signature-invalid'), [problem('timestamp-skew')]);
  tally.record('stale', ACCEPTED, [problem('timestamp-skew')]);
  tally.record('stale', { status: 400, code: 'timestamp-skew' }, [problem('timestamp-skew')]);
  assert.deepEqual([tally.sent, tally.accepted, tally.unexpected, tally.withinAllowance], [4, 1, 3, 0]);
  assert.equal(tally.byCode.get('timestamp-skew'), 2);
});

test('what a flood may send is honest, what the limit refuses is an attack, and what passes beyond the limit was accepted', () => {
  const tally = new AttackTally();
  const required = [ACCEPTED, problem('quota-exceeded')];
  for (let sent = 0; sent < 10; sent += 1) tally.record('flood', ACCEPTED, required);
  tally.record('flood', problem('quota-exceeded'), required);
  assert.deepEqual([tally.sent, tally.accepted, tally.unexpected, tally.withinAllowance], [1, 0, 0, 10]);
  tally.exceeded('flood', 3);
  assert.deepEqual([tally.sent, tally.accepted, tally.unexpected, tally.withinAllowance], [4, 3, 3, 7]);
});

test('a limiter is held to the strictest of the policies that it states', () => {
  const allowance = new FloodAllowance(0);
  for (let taken = 0; taken < 300; taken += 1) allowance.take();
  assert.equal(allowance.excess(1000), 0, 'no policy is known');
  allowance.learn('"burst";q=100;w=1');
  assert.equal(allowance.excess(1000), 100);
  allowance.learn('"sustained";q=120;w=60');
  assert.equal(allowance.excess(1000), 178);
  allowance.learn('not a policy');
  allowance.learn(undefined);
  assert.equal(allowance.excess(200_000), 0);
});
