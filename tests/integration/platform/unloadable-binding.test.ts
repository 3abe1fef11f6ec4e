import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { installWithBinding, type InstalledTree } from '../../support/other-binding.ts';
import { startProgram, startService } from '../../support/process.ts';
import { openWorkerStores } from '../../support/worker-stores.ts';

let installed: InstalledTree;
before(async () => {
  // As uWebSockets.js does where no file of it fits.
  const source = `throw new Error('This version of uWS.js supports other systems.\\n\\n' + new Error('glibc').toString());`;
  installed = await installWithBinding(source);
});
after(() => installed[Symbol.asyncDispose]());

for (const service of ['ingest', 'broadcaster']) {
  test(`${service} ends with one line that says what to do where uWebSockets.js cannot be loaded`, async () => {
    const settings = {
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
      TELLTALE_LOG_LEVEL: 'error',
      TELLTALE_BROADCASTER_PUBLIC: 'true',
    };
    await using started = await startProgram(`services/${service}/main.js`, [], settings, installed.tree);
    assert.deepEqual(await started.running.exited, { code: 1, signal: null });
    const lines = started.running.lastLines(Infinity);
    assert.equal(lines.length, 1, lines.join('\n'));
    const { level, msg } = JSON.parse(lines[0] ?? '') as { level: unknown; msg: string };
    assert.match(String(level), /^(60|fatal)$/);
    assert.match(
      msg,
      /^uWebSockets\.js cannot be loaded \(Node .*\): This version of uWS\.js supports other systems\.+ To mend it install .*"npm ci"; .*glibc 2\.38/,
    );
  });
}

test('a worker, which needs no uWebSockets.js, starts without it', async () => {
  await using stores = await openWorkerStores();
  const settings = { REDIS_URL: stores.server.url, DATABASE_URL: stores.databaseUrl };
  await using worker = await startService('worker', settings, installed.tree);
  assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200);
});
