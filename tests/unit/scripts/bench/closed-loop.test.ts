import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ClosedLoop, type ClosedLoopOptions, type LoadResult } from '../../../../scripts/bench/load/closed-loop.ts';

type Answer = (response: ServerResponse, count: number) => void;

const accept: Answer = (response) => response.writeHead(202, { 'Content-Length': 14 }).end('{"accepted":1}');

async function startServer(t: TestContext, answer: Answer): Promise<{ server: Server; port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => answer(response, seen.push(request.url ?? '')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, port: address.port, seen };
}

const requestsOf = (connection: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) =>
    Buffer.from(`GET /${connection}/${index} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  );

function load(port: number, options: Partial<ClosedLoopOptions>): Promise<LoadResult> {
  const requests = [requestsOf(0, 100_000), requestsOf(1, 100_000)];
  const stop = new AbortController().signal;
  return new ClosedLoop({ port, requests, warmUpMs: 50, windowMs: 200, stop, ...options }).run();
}

test('each request is sent once and in order, and only those of the window make the rate', async (t) => {
  const { port, seen } = await startServer(t, accept);
  const result = await load(port, {});
  assert.equal(result.accepted, seen.length);
  assert.equal(new Set(seen).size, seen.length);
  for (const connection of ['/0/', '/1/']) {
    const own = seen.filter((path) => path.startsWith(connection));
    assert.deepEqual(
      own,
      own.map((_, index) => `${connection}${index}`),
    );
  }
  assert.ok(result.acceptedPerS > 0);
  assert.ok((result.acceptedPerS * 200) / 1000 < result.accepted);
  assert.ok(result.latencyUs.getValueAtPercentile(50) > 0);
  assert.equal(result.failures.size, 0);
});

test('a reply that is not 202 is a failure under its code', async (t) => {
  const { port } = await startServer(t, (response, count) => {
    if (count % 10 !== 0) accept(response, count);
    else if (count % 20 === 0) response.writeHead(409, { 'Content-Length': 26 }).end('{"code":"replay-detected"}');
    else response.writeHead(200, { 'Content-Length': 0 }).end();
  });
  const { failures } = await load(port, {});
  assert.deepEqual([...failures.keys()].toSorted(), ['http-200', 'replay-detected']);
});

test('a connection that the server closes leaves a failure', async (t) => {
  const { port } = await startServer(t, (response, count) => {
    if (count === 50) response.destroy();
    else accept(response, count);
  });
  const { failures } = await load(port, {});
  assert.equal(
    [...failures.values()].reduce((sum, count) => sum + count, 0),
    1,
  );
});

test('a supply that is too small ends the run with a failure, and nothing is sent twice', async (t) => {
  const { port, seen } = await startServer(t, accept);
  const requests = [requestsOf(0, 5), requestsOf(1, 5)];
  await assert.rejects(load(port, { requests }), { name: 'CommandFailure', message: /ran out.*: 10 were signed/ });
  assert.equal(new Set(seen).size, seen.length);
});

test('a stop ends the run without waiting for replies', async (t) => {
  const controller = new AbortController();
  const { port } = await startServer(t, () => controller.abort('SIGINT'));
  await assert.rejects(load(port, { windowMs: 60_000, stop: controller.signal }), (reason) => reason === 'SIGINT');
});
