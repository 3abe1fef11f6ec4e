import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ruleSchema, type Rule } from '../../../../core/detection/rule.ts';
import { HARBOUR } from '../../../support/harbour.ts';
import { tellHistory, type HistoryManner, type HistoryStep } from '../../../support/shard-history.ts';

const WORLD = { devices: [{}, { id: 'dev-2' }], areas: new Map([['harbour', HARBOUR]]) };

const common = { version: 1, severity: 'Minor', headline: 'Rule' };
const RULES: readonly Rule[] = [
  { kind: 'absence', id: 'silent', scope: { metrics: ['x'] }, absent_s: 4 },
  { kind: 'geofence', id: 'inside', zone: 'harbour', when: 'inside', duration_s: 2 },
  { kind: 'geofence', id: 'outside', zone: 'harbour', when: 'outside', clear_after_s: 1, lateness_s: 3 },
  { kind: 'threshold', id: 'high', scope: { metrics: ['x'] }, when: 'above', limit: 5, clear_limit: 3, lateness_s: 5 },
].map((rule) => ruleSchema.parse({ ...common, ...rule }));

/** Packs of two devices with readings and positions of now, of before and of the future, and pauses. */
const histories = fc
  .array(
    fc.record({
      afterS: fc.constantFrom(0.2, 1, 2, 3.5, 7),
      device: fc.constantFrom('dev-1', 'dev-2'),
      offsetS: fc.constantFrom(0, 0, 0, -1, -2.5, 4, -70),
      what: fc.constantFrom('reading', 'reading', 'position', 'nothing'),
      value: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((given): readonly HistoryStep[] => {
    let at = 100;
    return given.map(({ afterS, device, offsetS, what, value }) => {
      at = Math.round((at + afterS) * 1000) / 1000;
      if (what === 'nothing') return { at };
      if (what === 'reading') return { at, device, readings: [['x', at + offsetS, value]] };
      return { at, device, position: [at + offsetS, 46.5 + value / 5, 19.5] };
    });
  });

/** Of several devices that are due in one look at the clock nobody promises an order. */
function byDevice(told: readonly string[]): readonly string[] {
  const deviceOf = (line: string): string => line.split(' ')[1] ?? 'dev-1';
  return [...told].sort((a, b) => deviceOf(a).localeCompare(deviceOf(b)));
}

for (const [index, rule] of RULES.entries()) {
  test(`${rule.kind} ${rule.id}: whatever comes, it is told the same when all is in the log twice, and when workers change`, async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (steps) => {
        const rules = RULES.slice(index, index + 1);
        const tell = async (manner: HistoryManner): Promise<readonly string[]> =>
          byDevice(await tellHistory(rules, steps, manner, WORLD));
        const told = await tell({});
        assert.deepEqual(await tell({ twice: true }), told);
        for (const keptBehind of [0, 1, 2]) {
          assert.deepEqual(await tell({ keptBehind }), told, `kept ${keptBehind} behind`);
        }
        // A life begins with raised and ends once.
        const active = new Set<string>();
        for (const line of told) {
          const [what = '', device = 'dev-1'] = [line.split('@')[0], line.split(' ')[1]];
          assert.equal(active.has(device), what !== 'raised', `${line} of ${told.join(', ')}`);
          if (what === 'raised') active.add(device);
          if (what === 'cleared' || what === 'cancelled') active.delete(device);
        }
      }),
      { numRuns: 60 },
    );
  });
}
