import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Pool } from 'pg';
import {
  encodeBoolArray,
  encodeFloat8Array,
  encodeInt2Array,
  encodeTextArray,
  encodeTimestamptzArray,
} from '../../../platform/postgres/binary-array.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openPostgres } from '../../../platform/postgres/open-postgres.ts';
import { openEmbeddedDatabase } from '../../support/embedded-database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let made: TestDatabase;
let database: Pool;

before(async () => {
  made = await createTestDatabase();
  database = openPostgres({ url: made.url, name: 'test', maxConnections: 1 }, createLogger('test', 'silent'));
});
after(async () => {
  await database.end();
  await made[Symbol.asyncDispose]();
});

const columns = fc.record({
  // The database keeps no NUL in a text, and knows no lone surrogates.
  text: fc.array(fc.option(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\u0000')))),
  repeated: fc.array(fc.constantFrom('dev-1', 'dev-2', 'é', '', 'NULL', null)),
  float8: fc.array(fc.option(fc.double({ noNaN: true }))),
  int2: fc.array(fc.integer({ min: -32_768, max: 32_767 })),
  bool: fc.array(fc.option(fc.boolean())),
  timesUs: fc.array(fc.integer({ min: -62_135_596_800_000_000 / 10, max: Number.MAX_SAFE_INTEGER })),
});

interface Returned {
  readonly text: unknown;
  readonly repeated: unknown;
  readonly float8: unknown;
  readonly int2: unknown;
  readonly bool: unknown;
  readonly us: readonly string[] | null;
}

async function roundTrip(through: Pool, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(columns, async ({ text, repeated, float8, int2, bool, timesUs }) => {
      const { rows } = await through.query<Returned>(
        `SELECT $1::text[] AS text, $2::text[] AS repeated, $3::float8[] AS float8, $4::smallint[] AS int2,
                $5::boolean[] AS bool,
                (SELECT array_agg((extract(epoch FROM t) * 1000000)::bigint::text ORDER BY place)
                   FROM unnest($6::timestamptz[]) WITH ORDINALITY AS u (t, place)) AS us`,
        [
          encodeTextArray(text),
          encodeTextArray(repeated),
          encodeFloat8Array(float8),
          encodeInt2Array(int2),
          encodeBoolArray(bool),
          encodeTimestamptzArray(timesUs),
        ],
      );
      const [returned] = rows;
      assert.deepEqual(
        { ...returned, us: returned?.us ?? [] },
        { text, repeated, float8, int2, bool, us: timesUs.map(String) },
      );
    }),
    { numRuns },
  );
}

test('every array that is sent in binary arrives as it was, nulls, repetitions and the empty one among them', async () => {
  await roundTrip(database, 300);
});

test('the embedded database reads the same', async () => {
  await using embedded = await openEmbeddedDatabase();
  await roundTrip(embedded.database, 30);
});
