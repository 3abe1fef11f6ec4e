import { WebSocket } from 'ws';

/** Sockets whose connections a test can break at any moment, as a network does. */
export class BreakableSockets {
  readonly WebSocket: new (url: string, protocols?: string[]) => WebSocket;
  readonly #open = new Set<WebSocket>();

  constructor() {
    const open = this.#open;
    this.WebSocket = class extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        open.add(this);
        this.once('close', () => open.delete(this));
      }
    };
  }

  get size(): number {
    return this.#open.size;
  }

  /** Breaks each with this probability. */
  break(probability: number): void {
    for (const socket of [...this.#open]) if (Math.random() < probability) socket.terminate();
  }
}
