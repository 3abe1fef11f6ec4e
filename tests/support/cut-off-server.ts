import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands before a real server and does to its connections what networks do. */
export class CutOffServer {
  readonly port: number;
  /** After so many answers a connection breaks. */
  answersUntilBreak = Infinity;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pairs = new Set<readonly [client: Socket, behind: Socket]>();
  #accepted = 0;
  #cutOff = false;

  constructor(server: Server, port: number, behind: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.port = port;
    server.on('connection', (client) => {
      this.#accepted += 1;
      this.#join(client, connect(behind.port, behind.host));
    });
  }

  /** Connections since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections stay open and are made, and nothing passes, as with a network that has parted. */
  set cutOff(cutOff: boolean) {
    this.#cutOff = cutOff;
    for (const socket of this.#sockets) {
      if (cutOff) socket.pause();
      else socket.resume();
    }
  }

  /** Only the connections that are open now: new ones pass, as after a network has found another way. */
  strand(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  /** Holds the bytes of one connection back, in both directions, until the answer is called; the others pass. */
  freezeOne(): () => void {
    const [pair] = this.#pairs;
    if (pair === undefined) throw new Error('there is no connection');
    for (const socket of pair) socket.pause();
    return () => {
      for (const socket of pair) socket.resume();
    };
  }

  /** Breaks the connections that are open now. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket, behind: Socket): void {
    let answers = 0;
    const pair = [client, behind] as const;
    this.#pairs.add(pair);
    client.on('data', (bytes) => behind.write(bytes));
    behind.on('data', (bytes) => {
      answers += 1;
      if (answers > this.answersUntilBreak) behind.destroy();
      else client.write(bytes);
    });
    for (const [socket, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#pairs.delete(pair);
        other.destroy();
      });
      socket.on('error', () => undefined);
      if (this.#cutOff) socket.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Answers the server and the URL that leads through it. */
export async function standBefore(url: string): Promise<{ readonly server: CutOffServer; readonly url: string }> {
  const behind = new URL(url);
  const listening = createServer();
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  const server = new CutOffServer(listening, address.port, { host: behind.hostname, port: Number(behind.port) });
  const through = new URL(url);
  through.host = `127.0.0.1:${server.port}`;
  return { server, url: through.href };
}
