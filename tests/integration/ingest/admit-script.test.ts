import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Admission, Admittable } from '../../../services/ingest/admit/admit-script.ts';
import {
  admitAll,
  createAdmitScript,
  createAdmittable,
  openAdmissionLogs,
  type AdmissionLogs,
} from '../../support/admission-logs.ts';
import { ReplayModel } from '../../support/replay-model.ts';

const WINDOWS = [8, 16, 64, 2048] as const;
const MAX_NONCE = 2 ** 53 - 1;

let logs: AdmissionLogs;

before(async () => {
  logs = await openAdmissionLogs();
});
after(() => logs[Symbol.asyncDispose]());

/** Where a nonce lies, seen from what was accepted before: near the highest, at the borders of the window, or far. */
const step = fc.record({
  key: fc.nat({ max: 2 }),
  from: fc.constantFrom('highest', 'lower border', 'upper border', 'zero', 'end', 'boot'),
  offset: fc.integer({ min: -20, max: 20 }),
  pack: fc.string({ unit: 'binary', maxLength: 20 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function nonceOf({ from, offset }: Step, highest: number, window: number): number {
  const bases = {
    highest,
    'lower border': highest - window,
    'upper border': highest + window,
    zero: 0,
    end: MAX_NONCE,
    boot: 1_734_567_891 * 2 ** 20,
  };
  return Math.min(MAX_NONCE, Math.max(0, bases[from] + offset));
}

for (const window of WINDOWS) {
  test(`a window of ${window} decides as a set of all nonces would, for any sequence, keys and batches`, async () => {
    const script = createAdmitScript(logs, window);
    const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(batches, async (run) => {
        const shard = await logs.begin();
        const models = [0, 1, 2].map(() => new ReplayModel(window));
        const log: string[] = [];
        for (const steps of run) {
          const expected: Admission[] = [];
          const envelopes = steps.map((each): Admittable => {
            const model = models[each.key]!;
            const nonce = nonceOf(each, model.highest, window);
            const decision = model.admit(nonce);
            expected.push(decision);
            // An empty pack uses its nonce and leaves nothing.
            if (decision === 'accepted' && each.pack !== '') log.push(each.pack);
            return createAdmittable(nonce, { key: `key-${each.key}`, pack: each.pack });
          });
          assert.deepEqual(await admitAll(script, shard, envelopes), expected);
        }
        assert.deepEqual(await logs.packsOf(shard), log);
      }),
      { numRuns: 150 },
    );
  });
}

for (const window of [8, 16, 64]) {
  test(`a window of ${window} that is used densely while it moves on decides as a set of all nonces would`, async () => {
    const script = createAdmitScript(logs, window);
    const jitters = fc.array(fc.integer({ min: -2 * window, max: window }), { minLength: 200, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(jitters, fc.nat({ max: window }), async (run, start) => {
        const shard = await logs.begin();
        const model = new ReplayModel(window);
        const nonces = run.map((jitter, index) => Math.max(0, start + index + jitter));
        assert.deepEqual(
          await admitAll(
            script,
            shard,
            nonces.map((nonce) => createAdmittable(nonce)),
          ),
          nonces.map((nonce) => model.admit(nonce)),
        );
      }),
      { numRuns: 100 },
    );
  });
}

test('a window of 64 is right for every pair of distances up to three windows', async () => {
  const window = 64;
  const script = createAdmitScript(logs, window);
  const shard = await logs.begin();
  for (let first = 1; first <= 3 * window; first += 1) {
    const nonces = [1000, 1000 + first, 1000 + first - 1, 1000, 1000 + first + window, 1000 + first + 1, 1000 + first];
    const model = new ReplayModel(window);
    const key = `distance-${first}`;
    assert.deepEqual(
      await admitAll(
        script,
        shard,
        nonces.map((nonce) => createAdmittable(nonce, { key })),
      ),
      nonces.map((nonce) => model.admit(nonce)),
    );
  }
});

test('state of a key stays as small as its window, however long it is used', async () => {
  const script = createAdmitScript(logs, 2048);
  const shard = await logs.begin();
  for (let batch = 0; batch < 100; batch += 1) {
    await admitAll(
      script,
      shard,
      Array.from({ length: 60 }, (_, index) => createAdmittable(batch * 997 + index * 3)),
    );
  }
  assert.equal(await logs.redis.strlen(redisKeys.replay(shard, 'key')), 16 + 2048 / 8);
});

test('shards do not share nonces', async () => {
  const script = createAdmitScript(logs, 64);
  const shards = [await logs.begin(), await logs.begin()];
  for (const shard of shards)
    assert.deepEqual(await admitAll(script, shard, [createAdmittable(7), createAdmittable(7)]), [
      'accepted',
      'replay-detected',
    ]);
});

for (const [smaller, larger] of [
  [64, 2048],
  [8, 16],
] as const) {
  test(`a window that is changed between ${smaller} and ${larger} lets nothing in twice`, async () => {
    const scripts = [createAdmitScript(logs, smaller), createAdmitScript(logs, larger)];
    const steps = fc.array(fc.tuple(fc.constantFrom(...scripts), step), { minLength: 2, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const shard = await logs.begin();
        const accepted = new Set<number>();
        let highest = -1;
        for (const [script, each] of run) {
          const nonce = nonceOf(each, highest, each.key === 0 ? smaller : larger);
          const [admission] = await admitAll(script, shard, [createAdmittable(nonce)]);
          if (accepted.has(nonce)) assert.notEqual(admission, 'accepted', `${nonce} came in twice`);
          else assert.notEqual(admission, 'replay-detected', `${nonce} was never accepted`);
          if (nonce > highest) assert.equal(admission, 'accepted');
          if (admission !== 'accepted') continue;
          accepted.add(nonce);
          highest = Math.max(highest, nonce);
        }
        assert.equal((await logs.packsOf(shard)).length, accepted.size);
      }),
      { numRuns: 150 },
    );
  });
}
