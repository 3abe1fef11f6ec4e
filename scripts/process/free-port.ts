import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what operating systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a port from there may
 * be taken by any connection between being found and being used.
 */
const FIRST_PORT = 16_000;
const LAST_PORT = 32_000;
const MAX_ATTEMPTS = 100;

/** Free at this moment on every IPv4 address, and given to nobody else who asked here before this process ends. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if ((await reservePort(port)) && (await isPortFree('0.0.0.0', port))) return port;
  }
  throw new Error(`no free port from ${FIRST_PORT} to ${LAST_PORT} in ${MAX_ATTEMPTS} attempts`);
}

/**
 * A service that is started anew leaves its port alone for a moment, and others who look for a port must not take it then.
 * What nobody here uses, the UDP port of the same number, says whose it is: the system gives it back however a process ends.
 *
 * @returns whether the port was nobody's
 */
export async function reservePort(port: number): Promise<boolean> {
  const reservation = createSocket('udp4');
  reservation.unref();
  try {
    reservation.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(reservation, 'listening');
    return true;
  } catch {
    reservation.close();
    return false;
  }
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
