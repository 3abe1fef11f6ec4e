import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isInScope, readAreas, RuleIndex } from '../../../../core/detection/rule-index.ts';
import { deviceRuleSchema } from '../../../../core/detection/rule.ts';

const NAMES = ['a', 'b', 'c'];
const some = fc.option(fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }), { nil: undefined });
const scope = fc.record({
  metrics: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 3 }),
  devices: some,
  zones: some,
  tags: some,
});

test('the rules that are found are those that a look at each of them would find, each once', () => {
  const target = fc.record({
    device: fc.constantFrom(...NAMES),
    zones: fc.uniqueArray(fc.constantFrom(...NAMES)),
    tags: fc.uniqueArray(fc.constantFrom(...NAMES)),
  });
  fc.assert(
    fc.property(
      fc.array(scope, { maxLength: 20 }),
      target,
      fc.constantFrom('x', 'y', 'z'),
      (scopes, device, metric) => {
        const rules = scopes.map((each, index) =>
          deviceRuleSchema.parse({
            kind: 'threshold',
            id: `rule-${index}`,
            version: 1,
            enabled: index % 5 !== 4,
            scope: each,
            severity: 'Minor',
            headline: 'Rule',
            when: 'above',
            limit: 1,
            clear_limit: 0,
          }),
        );
        const expected = rules.filter(
          (rule) =>
            rule.enabled && 'metrics' in rule.scope && rule.scope.metrics.includes(metric) && isInScope(rule, device),
        );
        const found = new RuleIndex(rules).rulesFor(metric, device);
        assert.deepEqual([...found].map(({ id }) => id).sort(), expected.map(({ id }) => id).sort());
      },
    ),
  );
});

test('an area that is none is left out', () => {
  const areas = readAreas([
    [
      'good',
      {
        type: 'MultiPolygon',
        coordinates: [
          [
            [
              [0, 0],
              [1, 0],
              [0, 1],
              [0, 0],
            ],
          ],
        ],
      },
    ],
    ['bad', { type: 'Point', coordinates: [0, 0] }],
    ['none', undefined],
  ]);
  assert.deepEqual([...areas.keys()], ['good']);
});
