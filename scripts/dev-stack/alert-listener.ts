import { WebSocket } from 'ws';
import type { z } from 'zod';
import { alertFrameSchema } from '../../contracts/alert-transition.ts';

const RECONNECT_MS = 1000;

export type AlertFrame = z.infer<typeof alertFrameSchema>;

function parseAlertFrame(text: string): AlertFrame | undefined {
  try {
    return alertFrameSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** A subscriber like any other: counts the alert frames that it gets. */
export class AlertClient {
  readonly #url: string;
  readonly #onAlert: (frame: AlertFrame) => void;
  #socket: WebSocket | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #delivered = 0;
  #closed = false;

  constructor(url: string, onAlert: (frame: AlertFrame) => void = () => undefined) {
    this.#url = url;
    this.#onAlert = onAlert;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Connected when it returns; connects again when the connection is lost later. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => this.#connect(resolve, reject));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    this.#socket?.terminate();
    return Promise.resolve();
  }

  #connect(onOpen: () => void, onError: (error: Error) => void): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.once('open', onOpen);
    socket.on('error', onError);
    socket.on('message', (data: Buffer) => this.#receive(data.toString('utf8')));
    socket.once('close', () => {
      if (this.#closed) return;
      const ignore = () => undefined;
      this.#reconnect = setTimeout(() => this.#connect(ignore, ignore), RECONNECT_MS);
    });
  }

  #receive(text: string): void {
    const frame = parseAlertFrame(text);
    if (frame === undefined) return;
    this.#delivered += 1;
    this.#onAlert(frame);
  }
}
