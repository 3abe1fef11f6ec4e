import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Verification } from '../../../../../services/ingest/verify/envelope.ts';
import { fromColumns, toColumns } from '../../../../../services/ingest/verify/verified-batch.ts';

test('what became of a batch survives its way as columns to another thread', () => {
  const verified = fc.record({
    kind: fc.constant('verified' as const),
    pack: fc.string(),
    readings: fc.nat(),
    metrics: fc.array(fc.record({ name: fc.string(), unit: fc.option(fc.string()) }), { maxLength: 4 }),
  });
  const refused = fc.record({
    kind: fc.constant('refused' as const),
    code: fc.constantFrom('signature-invalid' as const, 'malformed-body' as const),
    extras: fc.record({ detail: fc.string() }, { noNullPrototype: true }),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(verified, refused)), (verifications: Verification[]) => {
      const copies = verifications.map((each) => structuredClone(each));
      assert.deepEqual(fromColumns(structuredClone(toColumns(verifications))), copies);
    }),
  );
});
