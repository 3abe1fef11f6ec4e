import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { AdminServer } from '../../../platform/http/admin-server.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';

const SCRAPE_INTERVAL_S = 60;

test('a connection is kept from one scrape to the next, and none keeps the server from closing', async () => {
  const port = await findFreePort();
  const server = new AdminServer({
    host: '127.0.0.1',
    port,
    setting: 'PORT',
    registry: new Registry(),
    unready: () => ['the log is away'],
  });
  await server.listen();
  const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.equal(reply.status, 503);
  assert.equal(await reply.text(), 'the log is away\n');
  const keptS = Number(/timeout=(\d+)/.exec(reply.headers.get('keep-alive') ?? '')?.[1]);
  assert.ok(keptS > SCRAPE_INTERVAL_S, `kept for ${keptS} s`);
  const begunMs = Date.now();
  await server.close();
  assert.ok(Date.now() - begunMs < 15_000);
});
