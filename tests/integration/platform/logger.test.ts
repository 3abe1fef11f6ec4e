import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { describeError } from '../../../platform/log/describe-error.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const PLANTED = 'what-a-device-sent';

let stores: WorkerStores;
before(async () => {
  stores = await openWorkerStores();
});
after(() => stores[Symbol.asyncDispose]());

/** The one line that is logged. */
function lineOf(record: Readonly<Record<string, unknown>>): string {
  const lines: string[] = [];
  createLogger('test', 'info', { write: (line: string) => void lines.push(line) }).error(record, 'failed');
  assert.equal(lines.length, 1);
  return lines[0] ?? '';
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );

test('of an error of Redis or the database the log has message, code and stack, and not what the command or the row had', async () => {
  const ofRedis = await failureOf(
    stores.redis.hset('some', { [PLANTED]: PLANTED }).then(() => stores.redis.lpush('some', PLANTED)),
  );
  await stores.database.query('CREATE TABLE planted (text text PRIMARY KEY)');
  const insert = `INSERT INTO planted VALUES ($1)`;
  await stores.database.query(insert, [PLANTED]);
  const ofPostgres = await failureOf(stores.database.query(insert, [PLANTED]));
  for (const [error, expected] of [
    [ofRedis, /"message":"WRONGTYPE/],
    [ofPostgres, /"code":"23505"/],
    [new Error('outer', { cause: ofPostgres }), /"cause":\{.*"code":"23505"/],
  ] as const) {
    const line = lineOf({ err: error });
    assert.match(line, expected);
    assert.match(line, /"stack":/);
    assert.ok(!line.includes(PLANTED), line);
  }
});

test('what is named like a secret is not written, at the top or in an object', () => {
  for (const name of ['apiKey', 'api_key', 'authorization', 'password', 'privateKey', 'secret', 'signature', 'token']) {
    for (const record of [{ [name]: PLANTED }, { device: { [name]: PLANTED } }]) {
      const line = lineOf(record);
      assert.ok(!line.includes(PLANTED), line);
      assert.ok(line.includes('[redacted]'));
    }
  }
});

test('whatever is thrown can be described', () => {
  const circular = new Error('round');
  circular.cause = circular;
  for (const thrown of [undefined, null, 'text', 7, Symbol('s'), {}, { message: 'like an error' }, circular]) {
    const { type, message } = describeError(thrown);
    assert.ok(type !== '' && message !== '');
    JSON.stringify(describeError(thrown));
  }
});
