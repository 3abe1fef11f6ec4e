import { WebSocket } from 'ws';
import { alertFrameSchema } from '../../contracts/alert-transition.ts';

const RECONNECT_MS = 1000;

function isAlertFrame(text: string): boolean {
  try {
    return alertFrameSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

/** A subscriber like any other: counts the alert frames that it gets. */
export class AlertClient {
  readonly #url: string;
  #socket: WebSocket | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #delivered = 0;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
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
    socket.on('message', (data: Buffer) => {
      if (isAlertFrame(data.toString('utf8'))) this.#delivered += 1;
    });
    socket.once('close', () => {
      if (this.#closed) return;
      const ignore = () => undefined;
      this.#reconnect = setTimeout(() => this.#connect(ignore, ignore), RECONNECT_MS);
    });
  }
}
