import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseApiKey } from '../../../core/identity/api-key.ts';
import { parseEnrolmentToken } from '../../../core/identity/enrolment-token.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { runTelltale } from '../../support/command-line.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

test('what is shown only once is shown, and a key that is registered stays, when no worker runs or Redis is away', async () => {
  await using stores = await openWorkerStores();
  const folder = await mkdtemp(join(tmpdir(), 'telltale-unprojected-'));
  const away = `redis://:secret@127.0.0.1:${await findFreePort()}`;
  const run = (redisUrl: string, ...args: readonly string[]) =>
    runTelltale(args, { DATABASE_URL: stores.databaseUrl, REDIS_URL: redisUrl });
  const add = (redisUrl: string, name: string) =>
    run(redisUrl, 'devices', 'add', name, '--new-key', join(folder, `${name}.pem`));
  try {
    // Each waits for the services in vain; together they wait once.
    const [withoutWorker, withoutRedis, token] = await Promise.all([
      add(stores.server.url, 'dev-1'),
      add(away, 'dev-2'),
      run(stores.server.url, 'enrol-token', '--json'),
    ]);
    for (const { code, stdout, stderr } of [withoutWorker, withoutRedis]) {
      assert.equal(code, 1, stderr);
      assert.match(stderr, /It is written; do not do it again\. But the services do not know it yet: /);
      assert.ok(!stderr.includes('secret'), stderr);
      assert.ok(parseApiKey(stdout.trim()) !== undefined, stdout);
    }
    for (const name of ['dev-1', 'dev-2']) {
      assert.match(await readFile(join(folder, `${name}.pem`), 'utf8'), /PRIVATE KEY/);
      const { rowCount } = await stores.database.query('SELECT FROM device_keys WHERE device_id = $1', [name]);
      assert.equal(rowCount, 1);
    }
    assert.equal(token.code, 1);
    const made = JSON.parse(token.stdout) as { readonly token: string };
    assert.ok(parseEnrolmentToken(made.token) !== undefined);

    const again = await add(stores.server.url, 'dev-1');
    assert.notEqual(again.code, 0);
    await stat(join(folder, 'dev-1.pem'));
    const wrong = await run(
      stores.server.url,
      'devices',
      'add',
      'dev-3',
      '--new-key',
      join(folder, 'x.pem'),
      '--lat',
      '',
    );
    assert.equal(wrong.code, 2);
    await assert.rejects(stat(join(folder, 'x.pem')));
  } finally {
    await rm(folder, { recursive: true });
  }
});
