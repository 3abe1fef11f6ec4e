import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideRate, intervalUsOf, type LimitPolicy } from '../../../../../core/limits/gcra.ts';
import { Allowance, judge, type LimitVerdict } from '../../../../../services/ingest/limit/allowance.ts';

const NOW_US = 1.8e15;
const HOUR_S = 3600;
const BURST: LimitPolicy = { name: 'burst', quota: 3, windowS: HOUR_S };
const SUSTAINED: LimitPolicy = { name: 'sustained', quota: 4, windowS: 24 * HOUR_S };

const allowanceOf = (...policies: readonly LimitPolicy[]): Allowance => new Allowance('key', 0, policies);

/** What limit.lua does, with a clock of its own. */
class SharedState {
  readonly #clockAheadUs: number;
  readonly #arrivalsUs = new Map<LimitPolicy, number>();

  constructor(clockAheadUs: number) {
    this.#clockAheadUs = clockAheadUs;
  }

  report(policies: readonly LimitPolicy[], usedUs: readonly number[], atUs: number): readonly number[] {
    const nowUs = atUs + this.#clockAheadUs;
    return policies.map((policy, index) => {
      const arrivalUs = Math.max(this.#arrivalsUs.get(policy) ?? 0, nowUs) + (usedUs[index] ?? 0);
      this.#arrivalsUs.set(policy, arrivalUs);
      return arrivalUs - nowUs;
    });
  }

  /** As a restart of Redis does. */
  forget(): void {
    this.#arrivalsUs.clear();
  }

  exchange(allowance: Allowance, atUs: number): void {
    allowance.merge(this.report(allowance.policies, allowance.takeReport().usedUs, atUs), atUs);
  }
}

const used = (policies: readonly LimitPolicy[], requests: number): number[] =>
  policies.map((policy) => requests * intervalUsOf(policy));

/** One process that is told nothing by anybody, by decideRate alone. */
class Model {
  readonly #policies: readonly LimitPolicy[];
  #arrivalsUs: readonly number[];

  constructor(policies: readonly LimitPolicy[]) {
    this.#policies = policies;
    this.#arrivalsUs = policies.map(() => 0);
  }

  passes(nowUs: number): boolean {
    const decisions = this.#policies.map((policy, index) => decideRate(policy, this.#arrivalsUs[index] ?? 0, nowUs));
    if (!decisions.every(({ allowed }) => allowed)) return false;
    this.#arrivalsUs = decisions.map(({ arrivalUs }) => arrivalUs);
    return true;
  }
}

const policy = fc.record({
  name: fc.constant('any'),
  quota: fc.integer({ min: 1, max: 20 }),
  windowS: fc.integer({ min: 1, max: 5 }),
});
const policySets = fc.array(policy, { minLength: 1, maxLength: 3 });
const clocksAheadUs = fc.integer({ min: -1e9, max: 1e9 });
const gapUs = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 20_000 }) }, fc.nat({ max: 2_000_000 }));

test('without reports of others a process passes exactly what decideRate would', () => {
  fc.assert(
    fc.property(policySets, fc.array(gapUs, { maxLength: 200, size: 'max' }), (policies, gapsUs) => {
      const allowance = allowanceOf(...policies);
      const model = new Model(policies);
      let nowUs = NOW_US;
      for (const gap of gapsUs) {
        nowUs += gap;
        assert.equal(judge([allowance], nowUs).allowed, model.passes(nowUs));
      }
    }),
  );
});

test('whatever is reported, when and by whom, a process never passes more than decideRate would', () => {
  const step = fc.record({
    gapUs,
    what: fc.constantFrom('request', 'request', 'request', 'send', 'receive', 'other process', 'restart'),
    requests: fc.nat({ max: 5 }),
  });
  fc.assert(
    fc.property(
      policySets,
      clocksAheadUs,
      fc.array(step, { maxLength: 200, size: 'max' }),
      (policies, aheadUs, steps) => {
        const shared = new SharedState(aheadUs);
        const allowance = allowanceOf(...policies);
        const model = new Model(policies);
        let underWay: { readonly arrivalsUs: readonly number[]; readonly sentUs: number } | undefined;
        let nowUs = NOW_US;
        let [passed, most] = [0, 0];
        for (const { gapUs: gap, what, requests } of steps) {
          nowUs += gap;
          if (what === 'request') {
            passed += judge([allowance], nowUs).allowed ? 1 : 0;
            most += model.passes(nowUs) ? 1 : 0;
            assert.ok(passed <= most, `${passed} and not ${most}`);
          } else if (what === 'other process') shared.report(policies, used(policies, requests), nowUs);
          else if (what === 'restart') shared.forget();
          else if (what === 'send') {
            const { usedUs } = allowance.takeReport();
            underWay ??= { arrivalsUs: shared.report(policies, usedUs, nowUs), sentUs: nowUs };
          } else if (underWay !== undefined) {
            allowance.merge(underWay.arrivalsUs, underWay.sentUs);
            underWay = undefined;
          }
        }
      },
    ),
  );
});

test('processes that report after every request pass together what one would, whatever clock Redis has', () => {
  const requests = fc.array(fc.record({ gapUs, process: fc.nat({ max: 2 }) }), { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(policySets, clocksAheadUs, requests, (policies, aheadUs, steps) => {
      const shared = new SharedState(aheadUs);
      const processes = [0, 1, 2].map(() => allowanceOf(...policies));
      const model = new Model(policies);
      let nowUs = NOW_US;
      for (const { gapUs: gap, process } of steps) {
        nowUs += gap;
        assert.equal(judge([processes[process]!], nowUs).allowed, model.passes(nowUs));
        for (const each of [processes[process]!, ...processes]) shared.exchange(each, nowUs);
      }
    }),
  );
});

test('what processes let through before they hear of each other is repaid by a longer wait', () => {
  const shared = new SharedState(0);
  const processes = [allowanceOf(BURST), allowanceOf(BURST)];
  for (const each of processes) {
    for (let i = 0; i < BURST.quota; i += 1) assert.equal(judge([each], NOW_US).allowed, true);
  }
  for (const each of [...processes, ...processes]) shared.exchange(each, NOW_US);
  for (const each of processes) {
    assert.deepEqual(each.ask(NOW_US), {
      allowed: false,
      refusedBy: BURST,
      waitUs: (BURST.quota + 1) * intervalUsOf(BURST),
    });
  }
});

test('a reply that is slow makes nobody wait longer', () => {
  const shared = new SharedState(0);
  const allowance = allowanceOf(BURST);
  judge([allowance], NOW_US);
  const before = allowance.ask(NOW_US + 5e6);
  const { usedUs } = allowance.takeReport();
  allowance.merge(shared.report([BURST], usedUs, NOW_US), NOW_US);
  assert.deepEqual(allowance.ask(NOW_US + 5e6), before);
});

test('a Redis that has lost its state takes nothing back of what the process knows', () => {
  const shared = new SharedState(0);
  const allowance = allowanceOf(BURST);
  for (let i = 0; i < BURST.quota; i += 1) judge([allowance], NOW_US);
  shared.exchange(allowance, NOW_US);
  shared.forget();
  shared.exchange(allowance, NOW_US);
  assert.equal(allowance.ask(NOW_US).allowed, false);
});

test('what passes while a report is under way counts beside the reply', () => {
  const shared = new SharedState(0);
  const allowance = allowanceOf(BURST);
  shared.report([BURST], used([BURST], 1), NOW_US);
  judge([allowance], NOW_US);
  const { usedUs } = allowance.takeReport();
  const arrivalsUs = shared.report([BURST], usedUs, NOW_US);
  judge([allowance], NOW_US);
  allowance.merge(arrivalsUs, NOW_US);
  assert.equal(allowance.ask(NOW_US).allowed, false);
  assert.deepEqual(allowance.takeReport().usedUs, used([BURST], 1));
});

test('asking counts nothing', () => {
  const allowance = allowanceOf(BURST, SUSTAINED);
  const first = allowance.ask(NOW_US);
  assert.deepEqual(allowance.ask(NOW_US), first);
  assert.equal(allowance.isWhole(NOW_US), true);
  assert.deepEqual(allowance.takeReport().usedUs, [0, 0]);
});

test('the answer names the policy of which the least is left, or the first that refuses with the longest wait', () => {
  const allowance = allowanceOf(BURST, SUSTAINED);
  const named = (verdict: LimitVerdict) =>
    verdict.allowed ? [verdict.scarcest.name, verdict.remaining] : [verdict.refusedBy.name, verdict.waitUs];
  const seen = [0, 1, 2, 3].map(() => named(judge([allowance], NOW_US)));
  assert.deepEqual(seen, [
    ['burst', 2],
    ['burst', 1],
    ['burst', 0],
    ['burst', intervalUsOf(BURST)],
  ]);
  const laterUs = NOW_US + intervalUsOf(BURST);
  assert.deepEqual(named(judge([allowance], laterUs)), ['burst', 0]);
  assert.deepEqual(named(judge([allowance], laterUs)), [
    'burst',
    5 * intervalUsOf(SUSTAINED) - 24 * HOUR_S * 1e6 - intervalUsOf(BURST),
  ]);
  assert.deepEqual(named(judge([allowance], laterUs + intervalUsOf(BURST)))[0], 'sustained');
});

test('what one of several allowances refuses counts for none of them, and else the last one answers', () => {
  const [wide, narrow] = [allowanceOf(SUSTAINED), allowanceOf({ name: 'narrow', quota: 1, windowS: HOUR_S })];
  const first = judge([wide, narrow], NOW_US);
  assert.ok(first.allowed && first.scarcest.name === 'narrow' && first.remaining === 0);
  for (let i = 0; i < 10; i += 1) {
    const refused = judge([wide, narrow], NOW_US);
    assert.ok(!refused.allowed && refused.refusedBy.name === 'narrow');
  }
  assert.deepEqual(wide.takeReport().usedUs, used([SUSTAINED], 1));
  assert.deepEqual(narrow.takeReport().usedUs, used(narrow.policies, 1));
});

test('an allowance is whole when it has come back', () => {
  const allowance = allowanceOf(BURST);
  judge([allowance], NOW_US);
  const laterUs = NOW_US + intervalUsOf(BURST);
  assert.equal(allowance.isWhole(laterUs - 1), false);
  assert.equal(allowance.isWhole(laterUs), true);
});

test('at most a quota is reported, however long nobody could be told', () => {
  const allowance = allowanceOf(BURST, SUSTAINED);
  for (let hour = 0; hour < 100; hour += 1) judge([allowance], NOW_US + hour * HOUR_S * 24e6);
  assert.deepEqual(allowance.takeReport().usedUs, [
    BURST.quota * intervalUsOf(BURST),
    SUSTAINED.quota * intervalUsOf(SUSTAINED),
  ]);
  assert.deepEqual(allowance.takeReport().usedUs, [0, 0]);
});

test('an allowance is much used once more than an eighth of a policy is, and no more when that has come back', () => {
  const [often, seldom] = [
    { name: 'often', quota: 80, windowS: 8 },
    { name: 'seldom', quota: 40, windowS: 40 },
  ];
  const allowance = allowanceOf(often, seldom);
  for (let i = 0; i < 5; i += 1) judge([allowance], NOW_US);
  assert.equal(allowance.isMuchUsed(NOW_US), false);
  judge([allowance], NOW_US);
  assert.equal(allowance.isMuchUsed(NOW_US), true);
  assert.equal(allowance.isMuchUsed(NOW_US + 1e6), false);
});
