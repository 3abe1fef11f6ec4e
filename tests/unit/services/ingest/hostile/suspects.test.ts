import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatBlockedSource, type BlockedSource } from '../../../../../contracts/source-block.ts';
import type { FailurePolicy } from '../../../../../core/limits/failure-score.ts';
import type { Failure, FailureKind } from '../../../../../services/ingest/hostile/failure.ts';
import { RecentAdmissions } from '../../../../../services/ingest/hostile/recent-admissions.ts';
import { Suspects } from '../../../../../services/ingest/hostile/suspects.ts';

const POLICY: FailurePolicy = { limit: 5, forgetMs: 50_000 };
const RECENT_MS = 600_000;
const START_MS = 1.8e12;

const ADDRESSES = ['192.0.2.1', '2001:db8::/64'] as const;
const DEVICES = ['dev-1', 'dev-2', '@abcdefghijkl'] as const;
const KINDS: readonly FailureKind[] = [
  'api-key-unknown',
  'bad-signature',
  'malformed-envelope',
  'replay',
  'key-revoked',
];

function failure(kind: FailureKind, source: string | undefined, claimant: string | undefined): Failure {
  return { kind, source, claimant, code: kind === 'api-key-unknown' ? 'unauthorized' : 'signature-invalid' };
}

type Step =
  | { readonly do: 'fail'; readonly kind: FailureKind; readonly source: string; readonly claimant: string | undefined }
  | { readonly do: 'admit'; readonly source: string; readonly device: string }
  | { readonly do: 'wait'; readonly ms: number };

const source = fc.constantFrom(...ADDRESSES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      kind: fc.constantFrom(...KINDS),
      source,
      claimant: fc.option(fc.constantFrom(...DEVICES), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('admit' as const), source, device: fc.constantFrom(...DEVICES) }),
  },
  {
    weight: 2,
    // Steps of a clock that is set are times like any other.
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: -RECENT_MS, max: 2 * RECENT_MS })),
    }),
  },
);

/** What happened, kept in full. */
class Chronicle {
  readonly #admitted: { readonly name: string; readonly atMs: number }[] = [];
  readonly #failures = new Map<string, number>();

  admit(address: string, device: string, nowMs: number): void {
    this.#admitted.push({ name: address, atMs: nowMs });
    this.#admitted.push({ name: formatBlockedSource({ address, claimant: device }), atMs: nowMs });
  }

  wasAdmitted(name: string, nowMs: number): boolean {
    const last = this.#admitted.filter((each) => each.name === name).at(-1);
    return last !== undefined && nowMs - last.atMs < RECENT_MS;
  }

  fail(name: string): void {
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }

  failuresOf(name: string): number {
    return this.#failures.get(name) ?? 0;
  }

  forgive(name: string): void {
    this.#failures.delete(name);
  }
}

test('whatever happens in whatever order and at whatever time, nobody is blocked without cause, and no one admitted ever', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const admissions = new RecentAdmissions();
      const suspects = new Suspects(POLICY, admissions);
      const chronicle = new Chronicle();
      let nowMs = START_MS;
      for (const each of steps) {
        if (each.do === 'wait') nowMs += each.ms;
        else if (each.do === 'admit') {
          admissions.note(each.source, each.device, nowMs);
          chronicle.admit(each.source, each.device, nowMs);
        } else {
          const { kind, claimant } = each;
          if (kind === 'api-key-unknown') chronicle.fail(each.source);
          if (claimant !== undefined) chronicle.fail(formatBlockedSource({ address: each.source, claimant }));
          const suspect = suspects.decide(failure(kind, each.source, claimant), nowMs);
          if (suspect === undefined) continue;
          const name = formatBlockedSource(suspect);
          assert.equal(suspect.address, each.source, 'somebody else is blocked');
          assert.equal(chronicle.wasAdmitted(name, nowMs), false, `${name} was admitted`);
          assert.ok(chronicle.failuresOf(name) >= POLICY.limit, `${name} has failed too little`);
          assert.notEqual(kind, 'key-revoked');
          if (suspect.claimant === null) assert.equal(kind, 'api-key-unknown');
          else assert.equal(suspect.claimant, claimant);
          suspects.acquit(suspect);
          chronicle.forgive(name);
        }
      }
    }),
    { numRuns: 500 },
  );
});

function failAtOnce(suspects: Suspects, each: Failure, times: number, nowMs = START_MS): (BlockedSource | undefined)[] {
  return Array.from({ length: times }, () => suspects.decide(each, nowMs));
}

test('unknown API keys of many ids block their address; bad signatures of many devices block nobody', () => {
  const suspects = new Suspects(POLICY, new RecentAdmissions());
  for (let id = 0; id < POLICY.limit - 1; id += 1) {
    assert.equal(suspects.decide(failure('api-key-unknown', '192.0.2.1', `@id${id}`), START_MS), undefined);
  }
  const last = failure('api-key-unknown', '192.0.2.1', undefined);
  assert.deepEqual(suspects.decide(last, START_MS), { address: '192.0.2.1', claimant: null });
  for (let id = 0; id < 10 * POLICY.limit; id += 1) {
    assert.equal(suspects.decide(failure('bad-signature', '192.0.2.9', `dev-${id}`), START_MS), undefined);
  }
});

test('where somebody is admitted one API key that is repeated is blocked for itself, until ten minutes have passed', () => {
  const admissions = new RecentAdmissions();
  const suspects = new Suspects(POLICY, admissions);
  admissions.note('192.0.2.1', 'dev-1', START_MS);
  const guess = failure('api-key-unknown', '192.0.2.1', '@abcdefghijkl');
  const verdicts = failAtOnce(suspects, guess, POLICY.limit);
  assert.deepEqual(verdicts.at(-1), { address: '192.0.2.1', claimant: '@abcdefghijkl' });
  const laterMs = START_MS + RECENT_MS;
  assert.deepEqual(failAtOnce(suspects, guess, POLICY.limit, laterMs).at(-1), { address: '192.0.2.1', claimant: null });
});

test('bad signatures under a device that is admitted from the same address block nobody, and from another one that pair', () => {
  const admissions = new RecentAdmissions();
  const suspects = new Suspects(POLICY, admissions);
  admissions.note('192.0.2.1', 'dev-1', START_MS);
  assert.ok(
    failAtOnce(suspects, failure('bad-signature', '192.0.2.1', 'dev-1'), 50).every((each) => each === undefined),
  );
  const foreign = failAtOnce(suspects, failure('bad-signature', '192.0.2.2', 'dev-1'), POLICY.limit);
  assert.deepEqual(foreign.at(-1), { address: '192.0.2.2', claimant: 'dev-1' });
});

test('what comes without an address is nobody’s failure: over MQTT others could silence a device', () => {
  const suspects = new Suspects(POLICY, new RecentAdmissions());
  const verdicts = failAtOnce(suspects, failure('bad-signature', undefined, 'dev-1'), 100);
  assert.ok(verdicts.every((each) => each === undefined));
  assert.equal(suspects.size, 0);
});

test('a device that lost a thousand replies is not blocked, and one that replays without an end is', () => {
  const usual: FailurePolicy = { limit: 20, forgetMs: 120_000 };
  const suspects = new Suspects(usual, new RecentAdmissions());
  const replay = failure('replay', '192.0.2.1', 'dev-1');
  assert.ok(failAtOnce(suspects, replay, 999).every((each) => each === undefined));
  assert.deepEqual(failAtOnce(suspects, replay, 2).at(-1), { address: '192.0.2.1', claimant: 'dev-1' });
});

test('an attack from a million addresses fills no memory', () => {
  const suspects = new Suspects(POLICY, new RecentAdmissions());
  for (let network = 0; network < 150_000; network += 1) {
    suspects.decide(failure('api-key-unknown', `2001:db8:${network.toString(16)}::/64`, `@id${network}`), START_MS);
  }
  assert.ok(suspects.size <= 200_000, `${suspects.size} scores`);
  suspects.forgetOld(START_MS + POLICY.forgetMs);
  assert.equal(suspects.size, 0);
});
