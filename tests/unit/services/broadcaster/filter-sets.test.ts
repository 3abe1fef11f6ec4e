import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalText, decidePassage, type AlertFilters } from '../../../../core/alerts/alert-filter.ts';
import { FilterSets, type FilterSet } from '../../../../services/broadcaster/delivery/filter-sets.ts';
import { alerts, filterSets } from '../../../support/alert-filters.ts';
import { EntryStream } from '../../../support/stream-entries.ts';

test('the index finds exactly the sets that a look at each of them finds, while sets come and go', () => {
  const step = fc.record({ filters: filterSets, isGoing: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), alerts, fc.option(alerts), (steps, alert, later) => {
      const sets = new FilterSets();
      const held: FilterSet[] = [];
      for (const { filters, isGoing } of steps) {
        if (isGoing && held.length > 0) sets.release(held.shift()!);
        else held.push(sets.acquire(filters));
      }
      const stream = new EntryStream();
      const entries = [
        stream.append(alert),
        ...(later === null ? [] : [stream.append({ ...later, version: 2, kind: 'updated' })]),
      ];
      const distinct = new Map<string, AlertFilters>(held.map(({ filters }) => [canonicalText(filters), filters]));
      assert.equal(sets.size, distinct.size);
      for (const entry of entries) {
        const found = [...sets.concerned(entry)].map(
          ([{ filters }, passage]) => `${canonicalText(filters)} ${passage}`,
        );
        const expected = [...distinct].flatMap(([text, filters]) => {
          const passage = decidePassage(filters, entry.before, entry.facts, entry.facts.isEnd);
          return passage === undefined ? [] : [`${text} ${passage}`];
        });
        assert.deepEqual(found.sort(), expected.sort());
      }
    }),
    { numRuns: 3000 },
  );
});

test('those who ask for the same share a set, and have no part in it after they have gone', () => {
  const sets = new FilterSets();
  const one = sets.acquire([{ zones: ['a', 'b'], status: ['Actual'] }]);
  assert.equal(sets.acquire([{ zones: ['b', 'a'], status: ['Actual'] }]), one);
  sets.release(one);
  const stream = new EntryStream();
  assert.equal([...sets.concerned(stream.append({ zones: ['a'] }))].length, 1);
  sets.release(one);
  assert.equal([...sets.concerned(stream.append({ zones: ['a'], subject: 'dev-2' }))].length, 0);
  assert.equal(sets.size, 0);
});

test('of a thousand sets for other places none is looked at', () => {
  const sets = new FilterSets();
  for (let index = 0; index < 1000; index += 1) {
    const [lat, lon] = [(index % 60) - 30, Math.floor(index / 60) - 100];
    sets.acquire([{ near: { lat, lon, radius_m: 10_000 }, status: ['Actual'] }]);
  }
  let looked = 0;
  const position = { lat: 0, lon: 50 };
  const entry = new EntryStream().append({ position });
  // Whoever looks at the filters of a set asks for the status of the alert.
  Object.defineProperty(entry.facts, 'status', { get: () => ((looked += 1), 'Actual') });
  assert.equal([...sets.concerned(entry)].length, 0);
  assert.equal(looked, 0);
});
