import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { ReplyReader, type HttpReply } from './reply-reader.ts';

export interface ConnectionEvents {
  /** Answers what to send next; `later` idles until `resume`, undefined ends the connection. */
  readonly next: () => Buffer | 'later' | undefined;
  readonly replied: (reply: HttpReply, sentAtMs: number, nowMs: number) => void;
  /** A request under way got no reply. */
  readonly broken: (reason: string) => void;
  readonly ended: () => void;
}

/** More than any reply of ours, so that one arrives in one piece. */
const READ_BUFFER_BYTES = 16_384;

export interface LoadTarget {
  readonly port: number;
  /** Limits count by source address, so that a fleet has many. */
  readonly localAddress: string | undefined;
}

/** One keep-alive connection with one request under way at a time: next to nothing between it and the socket. */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #reader = new ReplyReader();
  #sentAtMs = 0;
  #waiting = false;
  #ended = false;

  constructor({ port, localAddress }: LoadTarget, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
  }

  async open(): Promise<void> {
    await once(this.#socket, 'connect');
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('the connection was closed'));
  }

  start(): void {
    this.#send();
  }

  get isIdle(): boolean {
    return !this.#waiting && !this.#ended;
  }

  /** Asks again what to send next, when nothing is under way. */
  resume(): void {
    if (this.isIdle) this.#send();
  }

  abort(reason: string): void {
    this.#end(reason);
  }

  #send(): void {
    const request = this.#events.next();
    if (request === 'later') return;
    if (request === undefined) {
      this.#end('');
      return;
    }
    this.#waiting = true;
    this.#sentAtMs = performance.now();
    this.#socket.write(request);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    let reply: HttpReply | undefined;
    try {
      reply = this.#reader.read(chunk);
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
      return;
    }
    if (reply === undefined) return;
    if (!this.#waiting) {
      this.#end('a reply without a request');
      return;
    }
    this.#waiting = false;
    this.#events.replied(reply, this.#sentAtMs, performance.now());
    this.#send();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    if (this.#waiting) this.#events.broken(reason);
    this.#events.ended();
  }
}
