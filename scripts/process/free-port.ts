import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what operating systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a port from there may
 * be taken by any connection between being found and being used.
 */
const FIRST_PORT = 16_000;
const LAST_PORT = 32_000;
const MAX_ATTEMPTS = 100;

const given = new Set<number>();

/** Free at this moment on every IPv4 address, and not given to anybody in this process before. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (given.has(port) || !(await isPortFree('0.0.0.0', port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${FIRST_PORT} to ${LAST_PORT} in ${MAX_ATTEMPTS} attempts`);
}

export async function isPortFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
