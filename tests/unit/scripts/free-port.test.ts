import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { findFreePort, isPortFree } from '../../../scripts/process/free-port.ts';

test('a port that was found can be listened on, is no one that a connection may take meanwhile, and is given once', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => findFreePort()));
  assert.equal(new Set(ports).size, ports.length);
  for (const port of ports) assert.ok(port >= 1024 && port < 32_768, String(port));
  const [port] = ports;
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  assert.ok(port !== undefined && !(await isPortFree('127.0.0.1', port)));
  server.close();
  await once(server, 'close');
});
