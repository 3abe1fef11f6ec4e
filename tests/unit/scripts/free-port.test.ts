import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { findFreePort, isPortFree, reservePort } from '../../../scripts/process/free-port.ts';

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

test('a port is its process’s until that ends, though nobody listens on it, as while a service is started anew', async () => {
  const holder = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { findFreePort } from './dist/scripts/process/free-port.js';
       console.log(await findFreePort());
       setInterval(() => undefined, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(holder.stdout, 'data')) as [Buffer];
  const port = Number(line);
  assert.ok(await isPortFree('127.0.0.1', port));
  assert.equal(await reservePort(port), false);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal(await reservePort(port), true);
  assert.equal(await reservePort(port), false, 'it has it already');
});
