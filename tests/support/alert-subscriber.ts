import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  alertMessageSchema,
  serverMessageSchema,
  SUBPROTOCOL,
  type AlertMessage,
  type ClientMessage,
  type ServerMessage,
} from '../../contracts/alert-stream.ts';
import { capStatusSchema } from '../../core/alerts/alert.ts';
import { eventually } from './eventually.ts';

const CONNECT_DEADLINE_MS = 20_000;

/** Alerts of every status. */
export const ALL = [{ status: [...capStatusSchema.options] }];

/** A client of `/ws/alerts` that keeps what it gets, as it came, and says only what it is told to say. */
export class AlertSubscriber {
  readonly socket: WebSocket;
  /** The alerts, as text. */
  readonly frames: string[] = [];
  /** All that is no alert. */
  readonly others: ServerMessage[] = [];
  /** Resolves with the close code, 1006 for a connection that broke. */
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      if (text.startsWith('{"type":"alert"')) this.frames.push(text);
      else this.others.push(serverMessageSchema.parse(JSON.parse(text)));
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  get alerts(): readonly AlertMessage[] {
    return this.frames.map((frame) => alertMessageSchema.parse(JSON.parse(frame)));
  }

  get cursors(): readonly string[] {
    return this.alerts.map(({ cursor }) => cursor);
  }

  say(message: ClientMessage | Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The last message of this type, once there is one. */
  async told<Type extends ServerMessage['type']>(type: Type): Promise<Extract<ServerMessage, { type: Type }>> {
    return await eventually(() => {
      const message = this.others.findLast((other) => other.type === type);
      if (message === undefined) throw new Error(`no ${type}, only ${this.others.map((other) => other.type).join()}`);
      return message as Extract<ServerMessage, { type: Type }>;
    });
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** Connected, and nothing more. */
export async function openSubscriber(
  url: string,
  protocols: readonly string[] = [SUBPROTOCOL],
  headers: Readonly<Record<string, string>> = {},
): Promise<AlertSubscriber> {
  const subscriber = new AlertSubscriber(new WebSocket(url, [...protocols], { headers }));
  await once(subscriber.socket, 'open', { signal: AbortSignal.timeout(CONNECT_DEADLINE_MS) });
  return subscriber;
}

/** Live, with alerts of every status. */
export async function connectSubscriber(url: string): Promise<AlertSubscriber> {
  const subscriber = await openSubscriber(url);
  subscriber.say({ type: 'subscribe', filters: ALL });
  await subscriber.told('live');
  return subscriber;
}
