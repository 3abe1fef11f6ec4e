import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameReader } from './frame-reader.ts';

export interface CrowdOptions {
  readonly port: number;
  readonly sockets: number;
  /** Said by each once it is connected; undefined for nothing. */
  readonly message: string | undefined;
}

export interface CrowdResult {
  /** Alerts that came, over all sockets. */
  readonly delivered: number;
  /** By the how-manieth alert of its socket: how many sockets had it, and when the last one had, Unix milliseconds. */
  readonly alerts: readonly { readonly sockets: number; readonly lastAtMs: number }[];
  readonly closed: number;
}

/** Connections that are made at once; more would overflow the queue of those that wait. */
const TOGETHER = 50;
/** Those of one address have so many ports. */
const PER_ADDRESS = 20_000;
/** `{"type":"alert"` differs here from all else that is sent. */
const KIND_AT = '{"type":"'.length;
const HEAD_END = '\r\n\r\n';

const nowMs = (): number => performance.timeOrigin + performance.now();

/** Very many subscribers that do as little as they can: what is measured is the server. */
export class SubscriberCrowd {
  readonly #options: CrowdOptions;
  readonly #sockets: Socket[] = [];
  #alerts: { sockets: number; lastAtMs: number }[] = [];
  #counts: Uint32Array;
  #lives = 0;
  #closed = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#counts = new Uint32Array(options.sockets);
  }

  /** Sockets that were told that they are live. */
  get lives(): number {
    return this.#lives;
  }

  async open(): Promise<void> {
    const { sockets } = this.#options;
    for (let first = 0; first < sockets; first += TOGETHER) {
      const count = Math.min(TOGETHER, sockets - first);
      await Promise.all(Array.from({ length: count }, (_, index) => this.#connect(first + index)));
    }
  }

  /** What came since the last call. */
  take(): CrowdResult {
    const alerts = this.#alerts;
    this.#alerts = [];
    this.#counts = new Uint32Array(this.#options.sockets);
    return { delivered: alerts.reduce((sum, { sockets }) => sum + sockets, 0), alerts, closed: this.#closed };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await delay(0);
  }

  async #connect(index: number): Promise<void> {
    const { port, message } = this.#options;
    const localAddress = `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}`;
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => (this.#closed += 1));
    await once(socket, 'connect');
    socket.write(handshake(port));
    const reader = new FrameReader();
    const onText = (bytes: Buffer, start: number): void => this.#receive(index, bytes[start + KIND_AT]);
    await new Promise<void>((resolve, reject) => {
      let head = '';
      socket.once('close', () => reject(new Error(`the server ended a connection: ${head.split('\r\n')[0] ?? ''}`)));
      const onHead = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        const end = head.indexOf(HEAD_END);
        if (end < 0) return;
        socket.off('data', onHead);
        if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(`the server answered ${head.split('\r\n')[0]}`));
        socket.on('data', (bytes: Buffer) => reader.read(bytes, onText));
        reader.read(Buffer.from(head.slice(end + HEAD_END.length), 'latin1'), onText);
        if (message !== undefined) socket.write(maskedText(message));
        resolve();
      };
      socket.on('data', onHead);
    });
  }

  #receive(index: number, kind: number | undefined): void {
    if (kind === 0x6c /* l of live */) this.#lives += 1;
    if (kind !== 0x61 /* a of alert */) return;
    const place = this.#counts[index] ?? 0;
    this.#counts[index] = place + 1;
    const alert = (this.#alerts[place] ??= { sockets: 0, lastAtMs: 0 });
    alert.sockets += 1;
    alert.lastAtMs = nowMs();
  }
}

function handshake(port: number): string {
  return [
    'GET /ws/alerts HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    HEAD_END,
  ]
    .join('\r\n')
    .replace(/(\r\n)+$/, HEAD_END);
}

/** A text frame of a client, whose mask is all zeros. */
function maskedText(text: string): Buffer {
  const content = Buffer.from(text);
  const head =
    content.length < 126
      ? Buffer.from([0x81, 0x80 | content.length])
      : Buffer.from([0x81, 0xfe, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), content]);
}
