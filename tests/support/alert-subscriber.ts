import { once } from 'node:events';
import { WebSocket } from 'ws';

const CONNECT_DEADLINE_MS = 5000;

/** A client of `/ws/alerts` that keeps what it gets, as it came. */
export class AlertSubscriber {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  /** Resolves with the close code, 1006 for a connection that broke. */
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.frames.push(data.toString('utf8')));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

export async function connectSubscriber(url: string): Promise<AlertSubscriber> {
  const subscriber = new AlertSubscriber(new WebSocket(url));
  await once(subscriber.socket, 'open', { signal: AbortSignal.timeout(CONNECT_DEADLINE_MS) });
  return subscriber;
}
