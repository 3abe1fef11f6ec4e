import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { clientMessageSchema, type ClientMessage, type ServerMessage } from '../../contracts/alert-stream.ts';
import { createTransition } from './alert-requests.ts';
import { eventually } from './eventually.ts';

/** One connection of a client. */
export class ScriptedConnection {
  readonly said: ClientMessage[] = [];
  readonly socket: WebSocket;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) =>
      this.said.push(clientMessageSchema.parse(JSON.parse(data.toString('utf8')))),
    );
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  tell(message: ServerMessage | Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(message));
  }

  hello(changes: Readonly<Record<string, unknown>> = {}): void {
    this.tell({
      type: 'hello',
      epoch: 'e1',
      cursor: '0-0',
      heartbeat_s: 15,
      reconnect: { min_ms: 1, max_ms: 5 },
      token_required: false,
      ...changes,
    });
  }

  live(cursor: string): void {
    this.tell({ type: 'live', epoch: 'e1', cursor });
  }

  alert(ms: number, epoch = 'e1'): void {
    const transition = createTransition('raised', { rule: 'r', alert: ms, version: 1, atUs: ms });
    this.tell({ type: 'alert', epoch, cursor: `${ms}-0`, ...transition });
  }
}

/** A server of alerts that says what a test tells it to. */
export class ScriptedAlerts implements AsyncDisposable {
  readonly url: string;
  readonly connections: ScriptedConnection[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/ws/alerts`;
    server.on('connection', (socket) => this.connections.push(new ScriptedConnection(socket)));
  }

  static async open(): Promise<ScriptedAlerts> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return new ScriptedAlerts(server);
  }

  /** The how-manieth connection, once it is there. */
  async connection(index: number): Promise<ScriptedConnection> {
    return await eventually(() => {
      const connection = this.connections[index];
      if (connection === undefined) throw new Error(`${this.connections.length} connections`);
      return connection;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
